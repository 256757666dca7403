using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Makes plans of options, and of other plans.</summary>
internal static class Plans
{
    /// <summary>
    /// Multiplications a row below which a node stays FP32. Measured with ONNX Runtime 1.31.1 on AVX512-VNNI, one thread: at 8 thousand
    /// integers run at 0.6 of FP32's speed, at half a million at 2.7.
    /// </summary>
    public const long MinMultiplications = 65_536;

    /// <summary>The nodes that may be left out if a model is slow: the smallest, up to these sizes.</summary>
    public static readonly IReadOnlyList<long> SizesToLeaveOut = [1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26];

    public static QuantizationPlan Of(
        QuantizationOptions options, QuantizationMethod method, OnnxDocument document, ModelProto preprocessed) => new()
        {
            SourceDigest = document.Digest,
            Method = method,
            Target = Processor.Resolve(options.Target),
            Format = options.Format,
            PerChannel = options.PerChannel,
            BlockSize = options.BlockSize,
            Preprocessing = options.Preprocessing,
            RemovedInputs = ListedWeights.ToRemove(document.Model, options.Preprocessing),
            ExcludedNodes = [.. ExcludedBy(options, document.Model, preprocessed)
            .Concat(method == QuantizationMethod.Static ? SlowConvolutions.In(preprocessed) : [])
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)],
            StoresTables = method is QuantizationMethod.Static or QuantizationMethod.Dynamic,
            MinMultiplications = options.MinMultiplications ?? (GateJudge.IsForSpeed(method) ? MinMultiplications : 0),
        };

    /// <summary>A plan for weights alone, or for nothing but the exact rewrites.</summary>
    public static QuantizationPlan WithoutRanges(QuantizationPlan plan, QuantizationMethod method) => plan with
    {
        Method = method,
        Format = QuantizationFormat.Qdq,
        MinMultiplications = 0,
        Ranges = new Dictionary<string, TensorRange>(),
        ChannelRanges = new Dictionary<string, TensorRange[]>(),
        BiasCorrections = new Dictionary<string, float[]>(),
        InputFactors = new Dictionary<string, float[]>(),
        StoresTables = false,
        ExcludedNodes = method == QuantizationMethod.None ? [] : plan.ExcludedNodes,
    };

    /// <summary>The nodes that a plan leaves out and further ones, in ordinal order.</summary>
    public static IReadOnlyList<string> Excluded(QuantizationPlan plan, IEnumerable<string> further) =>
        [.. plan.ExcludedNodes.Concat(further).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static IReadOnlyList<string> ExcludedBy(QuantizationOptions options, ModelProto source, ModelProto preprocessed)
    {
        if (options.ExcludeNodes.Count == 0 && options.ExcludeNode is null) return [];
        var names = new NodeNames(source, preprocessed);
        var found = options.ExcludeNodes.Select(name => (Name: name, Node: names.Find(name))).ToList();
        if (found.FirstOrDefault(static pair => pair.Node is null) is { Name: { } unknown })
        {
            throw new QuantizationException(QuantizationFailure.InvalidOptions, names.IsInSource(unknown)
                ? $"ExcludeNodes names '{unknown}', which is no longer there once constants are folded. Leave it out of the list: a folded "
                    + "node is not quantized."
                : $"ExcludeNodes names '{unknown}', and the model has no such node. A node without a name has that of its first output; a "
                    + "report lists them.");
        }

        IEnumerable<string> chosen = options.ExcludeNode is { } exclude ? names.Names.Where(exclude) : [];
        return [.. found.Select(static pair => pair.Node!).Concat(chosen).Distinct(StringComparer.Ordinal)];
    }
}
