using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Quantization.Calibration;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization.RandomGraphs;

/// <summary>
/// Sends one random graph through every rewrite and holds what comes out against the runtime without any optimization. Independent of the
/// check that the library itself makes.
/// </summary>
internal sealed class RewriteTrial
{
    // Of the greatest number of an output. Reordered sums make 1e-6 of it, where nothing cancels.
    private const double MaxShare = 2e-3;
    private const double Margin = 12;
    private const int Shakes = 4;

    private readonly ModelProto _source;
    private readonly List<Dictionary<string, OrtValue>> _inputs = [];
    private readonly List<List<Answer>> _expected = [];
    private readonly List<List<Answer>[]> _shaken = [];
    private readonly int _seed;

    public RewriteTrial(int seed)
    {
        _seed = seed;
        _source = RandomGraph.Make(seed);
    }

    public int Rewrites { get; private set; }

    public int Refused { get; private set; }

    public List<string> Faults { get; } = [];

    /// <returns>False where the runtime does not take the graph itself, so that there is nothing to compare with.</returns>
    public bool Run()
    {
        try
        {
            using var source = GraphSession.Open(OnnxFile.ToBytes(_source), GraphOptimizationLevel.ORT_DISABLE_ALL);
            foreach (var rows in (int[])[2, 1, 3])
            {
                var inputs = ModelRuns.RandomInputs(source, _seed + rows, rows);
                _expected.Add(Answer.Run(source.Session, inputs));
                _inputs.Add(inputs);
            }

            for (var i = 0; i < Shakes; i++)
            {
                using var shaken = GraphSession.Open(OnnxFile.ToBytes(Shake(_seed + i)), GraphOptimizationLevel.ORT_DISABLE_ALL);
                _shaken.Add([.. _inputs.Select(inputs => Answer.Run(shaken.Session, inputs))]);
            }
        }
        catch (Exception exception) when (exception is QuantizationException or OnnxRuntimeException)
        {
            return false;
        }

        try
        {
            TryAll();
        }
        finally
        {
            foreach (var value in _inputs.SelectMany(static inputs => inputs.Values))
                value.Dispose();
        }

        return true;
    }

    /// <summary>
    /// The graph with 2 % of noise in its weights: some answer otherwise altogether then, and no rounding can be asked to be nearer.
    /// </summary>
    private ModelProto Shake(int seed)
    {
        var random = new Random(seed);
        var model = _source.Clone();
        foreach (var tensor in Graphs.Of(model)
            .SelectMany(static graph =>
                graph.Initializer.Concat(graph.Node.SelectMany(static node => node.Attribute.Select(static attribute => attribute.T))))
            .Where(static tensor => tensor is { Dims.Count: >= 2 } && TensorData.TypeOf(tensor) == TensorProto.Types.DataType.Float))
        {
            var values = TensorData.Floats(tensor);
            var size = values.Max(Math.Abs) * 0.02f;
            for (var i = 0; i < values.Length; i++)
                values[i] += ((random.NextSingle() * 2) - 1) * size;
            tensor.RawData = TensorData.Make("", values).RawData;
        }

        return model;
    }

    private void TryAll()
    {
        Try("preprocess", null, () => Preprocessor.Run(_source, new()).Model);
        Try("preprocess without folding", null, () => Preprocessor.Run(_source, new() { FoldConstants = false }).Model);
        Try("preprocess to 18", null, () => Preprocessor.Run(_source, new() { Opset = 18, FoldConstants = _seed % 2 == 0 }).Model);
        Try("fp16", 35, () => Rewrite(QuantizationMethod.Fp16Storage));
        Try("int8 storage", 9, () => Rewrite(QuantizationMethod.Int8Storage));
        Try("nbits8", 5, () => Rewrite(QuantizationMethod.NBits8));
        Try("nbits4", null, () => Rewrite(QuantizationMethod.NBits4), isForm: true);
        Try("dynamic", null, () => Rewrite(QuantizationMethod.Dynamic), isForm: true);
        Try("static", null, () => RewriteStatic(QuantizationFormat.Qdq), isForm: true);
        Try("smoothed", null, () =>
        {
            var preprocessed = Preprocessor.Run(_source, new()).Model;
            var plan = new QuantizationPlan { SourceDigest = "", Method = QuantizationMethod.Static, Target = CpuTarget.X86Vnni };
            return Smoothing.Apply(preprocessed, plan with { InputFactors = Factors(preprocessed, plan) });
        });
        if (_seed % 4 == 0) Try("static in QOperator", null, () => RewriteStatic(QuantizationFormat.QOperator), isForm: true);
    }

    private ModelProto Rewrite(QuantizationMethod method) =>
        PlanExecutor.Apply(
            _source,
            new() { SourceDigest = "", Method = method, Target = CpuTarget.X86Vnni, BlockSize = 16, MinMultiplications = 0 }).Model;

    private ModelProto RewriteStatic(QuantizationFormat format)
    {
        var preprocessed = Preprocessor.Run(_source, new()).Model;
        var plan = new QuantizationPlan
        {
            SourceDigest = "",
            Method = QuantizationMethod.Static,
            Target = CpuTarget.X86Vnni,
            MinMultiplications = 0,
            Format = format,
        };
        if (_seed % 2 == 0) plan = plan with { InputFactors = Factors(preprocessed, plan) };
        preprocessed = Smoothing.Apply(preprocessed, plan);
        plan = plan with { InputFactors = new Dictionary<string, float[]>() };
        var tensors = StaticRewriter.TensorsToCalibrate(preprocessed, plan);
        var observers = tensors.Select(static name => RangeObserver.Create(name, new())).ToArray();
        var channels = StaticRewriter.ChannelsToCalibrate(preprocessed, plan)
            .Select(static name => new ChannelRangeObserver(name)).ToArray();
        using (var activations = ActivationSession.Open(preprocessed, [.. tensors]))
        using (var byChannel = ActivationSession.Open(preprocessed, [.. channels.Select(static channel => channel.Name)]))
        {
            for (var i = 0; i < _inputs.Count; i++)
            {
                var sample = new EncodedSample(i, 1, _inputs[i]);
                activations.Run(sample, (index, values, _) => observers[index].Observe(values, 0));
                if (channels.Length > 0) byChannel.Run(sample, (index, values, shape) => channels[index].Add(values, shape));
            }
        }

        plan = plan with
        {
            Ranges = observers.ToDictionary(static observer => observer.Name, static observer => observer.Range(), StringComparer.Ordinal),
            ChannelRanges = _seed % 3 == 0
                ? new Dictionary<string, TensorRange[]>()
                : channels.Where(static channel => channel.Ranges() is not null)
                    .ToDictionary(static channel => channel.Name, static channel => channel.Ranges()!, StringComparer.Ordinal),
        };
        return StaticRewriter.Rewrite(preprocessed, plan).Model;
    }

    private Dictionary<string, float[]> Factors(ModelProto preprocessed, QuantizationPlan plan)
    {
        var random = new Random(_seed);
        return Smoothing.Readers(new(preprocessed.Graph), plan).ToDictionary(static reader => reader.Value,
            reader => Enumerable.Range(0, Smoothing.ColumnsOf(reader.Nodes[0])).Select(_ => 0.25f + (4 * random.NextSingle())).ToArray(),
            StringComparer.Ordinal);
    }

    private void Try(string what, double? decibels, Func<ModelProto> make, bool isForm = false)
    {
        byte[] made;
        try
        {
            var model = make();
            Faults.AddRange(SlowIntegers.In(model)
                .Select(slow => $"seed {_seed}, {what}: '{slow.Node}', a {slow.OpType}, has {slow.Reason}"));
            made = OnnxFile.ToBytes(model);
        }
        catch (QuantizationException exception) when (exception.Failure is QuantizationFailure.NothingToQuantize
            or QuantizationFailure.UnsupportedOpset or QuantizationFailure.NotFinite)
        {
            Refused++;
            return;
        }
        catch (Exception exception)
        {
            Faults.Add($"seed {_seed}, {what}: {exception.GetType().Name}: {exception.Message}");
            return;
        }

        Rewrites++;
        foreach (var level in (GraphOptimizationLevel[])[GraphOptimizationLevel.ORT_DISABLE_ALL, GraphOptimizationLevel.ORT_ENABLE_ALL])
        {
            if (Compare(made, level, decibels, isForm) is not { } fault) continue;
            Faults.Add($"seed {_seed}, {what}, {level}: {fault}");
            return;
        }
    }

    private string? Compare(byte[] made, GraphOptimizationLevel level, double? decibels, bool isForm)
    {
        try
        {
            using var session = GraphSession.Open(made, level, what: "It");
            for (var i = 0; i < _inputs.Count; i++)
            {
                var inputs = _inputs[i].Where(pair => session.InputNames.Contains(pair.Key)).ToDictionary(StringComparer.Ordinal);
                var given = Answer.Run(session.Session, inputs);
                for (var output = 0; output < given.Count; output++)
                {
                    if (Difference(
                        _expected[i][output], given[output],
                        decibels is { } least
                            ? Math.Min(least, _shaken.Min(shaken => Snr(_expected[i][output], shaken[i][output])) - Margin)
                            : null, isForm) is { } fault)
                        return $"input {i}, {fault}";
                }
            }

            return null;
        }
        catch (Exception exception) when (exception is QuantizationException or OnnxRuntimeException)
        {
            return exception.Message;
        }
    }

    private static string? Difference(Answer expected, Answer given, double? decibels, bool isForm)
    {
        if (expected.Name != given.Name || expected.Type != given.Type || !expected.Shape.AsSpan().SequenceEqual(given.Shape))
            return $"'{given.Name}' is {given.Type}[{string.Join(',', given.Shape)}], expected "
                + $"{expected.Type}[{string.Join(',', expected.Shape)}]";
        if (expected.Numbers is not { } left || given.Numbers is not { } right) return null;
        double greatest = 0, difference = 0;
        for (var i = 0; i < left.Length; i++)
        {
            if (!double.IsFinite(left[i])) continue;
            if (!double.IsFinite(right[i])) return $"'{given.Name}' is {right[i]} where {left[i]} is expected";
            greatest = Math.Max(greatest, Math.Abs(left[i]));
            difference = Math.Max(difference, Math.Abs(left[i] - right[i]));
        }

        if (isForm) return null;
        // Of a Softmax that is sure of everything, any noise may make it sure of another thing.
        var isSaturated = greatest <= 1 && left.Count(static number => number is < 1e-6 or > 1 - 1e-6) > left.Length / 2;
        if (decibels is { } least)
            return isSaturated || Snr(expected, given) >= least
                ? null
                : $"'{given.Name}' has {Snr(expected, given):F1} dB, {least:F1} asked, greatest {greatest:G3}";
        return difference <= greatest * MaxShare ? null : $"'{given.Name}' differs by {difference:G3}, greatest {greatest:G3}";
    }

    private static double Snr(Answer expected, Answer given)
    {
        if (expected.Numbers is not { } left || given.Numbers is not { } right || left.Length != right.Length)
            return double.PositiveInfinity;
        double signal = 0, noise = 0;
        for (var i = 0; i < left.Length; i++)
        {
            if (!double.IsFinite(left[i]) || !double.IsFinite(right[i])) continue;
            signal += left[i] * left[i];
            noise += (left[i] - right[i]) * (left[i] - right[i]);
        }

        return noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);
    }
}
