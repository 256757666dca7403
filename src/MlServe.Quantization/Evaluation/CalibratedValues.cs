using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;

namespace MlServe.Quantization.Evaluation;

/// <summary>The values that are calibrated so that nodes can be left out afterwards without running the samples again.</summary>
internal static class CalibratedValues
{
    // Beyond it, trying each node apart would take longer than it is worth.
    private const int MaxNodes = 512;

    /// <param name="preprocessed">The model.</param>
    /// <param name="plan">The plan with all nodes.</param>
    /// <param name="forLeavingOut">Whether nodes may be left out later: their neighbours then stand beside FP32, and other
    /// values are rounded.</param>
    /// <param name="cancellationToken">Gives it up between two nodes.</param>
    public static IReadOnlyCollection<string> Of(
        ModelProto preprocessed, QuantizationPlan plan, bool forLeavingOut, CancellationToken cancellationToken) =>
        Of(preprocessed, plan, forLeavingOut, StaticRewriter.TensorsToCalibrate, cancellationToken);

    /// <summary>
    /// As <see cref="Of(ModelProto, QuantizationPlan, bool, CancellationToken)"/>, the values whose channels are seen one by one.
    /// </summary>
    public static IReadOnlyCollection<string> ChannelsOf(
        ModelProto preprocessed, QuantizationPlan plan, bool forLeavingOut, CancellationToken cancellationToken) =>
        plan.PerChannel ? Of(preprocessed, plan, forLeavingOut, StaticRewriter.ChannelsToCalibrate, cancellationToken) : [];

    private static IReadOnlyCollection<string> Of(
        ModelProto preprocessed, QuantizationPlan plan, bool forLeavingOut,
        Func<ModelProto, QuantizationPlan, IReadOnlyList<string>> valuesOf,
        CancellationToken cancellationToken)
    {
        var values = valuesOf(preprocessed, plan);
        if (!forLeavingOut) return values;
        string[] nodes = [.. preprocessed.Graph.Node.Where(static node => IsWithWeights(node.OpType)).Select(Nodes.NameOf)];
        if (nodes.Length > MaxNodes) return values;
        List<string> all = [.. values];
        for (var i = 0; i < nodes.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            all.AddRange(OrNone(preprocessed, plan with { ExcludedNodes = Plans.Excluded(plan, [nodes[i]]) }, valuesOf));
            all.AddRange(OrNone(
                preprocessed, plan with { ExcludedNodes = Plans.Excluded(plan, nodes.Where((_, other) => other != i)) }, valuesOf));
        }

        return [.. all.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The plan without ranges and corrections that it does not use.</summary>
    public static QuantizationPlan OnlyNeeded(ModelProto preprocessed, QuantizationPlan plan)
    {
        if (plan.Method != QuantizationMethod.Static) return plan;
        var needed = Values(preprocessed, plan);
        var excluded = preprocessed.Graph.Node.Where(node => plan.ExcludedNodes.Contains(Nodes.NameOf(node), StringComparer.Ordinal))
            .SelectMany(static node => node.Output)
            .ToHashSet(StringComparer.Ordinal);
        return plan with
        {
            Ranges = needed.Where(plan.Ranges.ContainsKey)
                .ToDictionary(static value => value, value => plan.Ranges[value], StringComparer.Ordinal),
            ChannelRanges = plan.ChannelRanges.Count == 0
                ? plan.ChannelRanges
                : Channels(preprocessed, plan).Where(plan.ChannelRanges.ContainsKey)
                .ToDictionary(static value => value, value => plan.ChannelRanges[value], StringComparer.Ordinal),
            BiasCorrections = plan.BiasCorrections.Where(pair => !excluded.Contains(pair.Key)).ToDictionary(StringComparer.Ordinal),
        };
    }

    /// <summary>Whether a node computes with weights, and is not quantized only because its neighbours are.</summary>
    public static bool IsWithWeights(NodeDecision decision) => IsWithWeights(decision.OpType);

    private static bool IsWithWeights(string operation) =>
        operation is "Conv" or "ConvTranspose" or "Gemm" or "MatMul" or "LSTM" or "GRU" or "Gather";

    private static IReadOnlyList<string> Values(ModelProto preprocessed, QuantizationPlan plan) =>
        OrNone(preprocessed, plan, StaticRewriter.TensorsToCalibrate);

    private static IReadOnlyList<string> Channels(ModelProto preprocessed, QuantizationPlan plan) =>
        OrNone(preprocessed, plan, StaticRewriter.ChannelsToCalibrate);

    private static IReadOnlyList<string> OrNone(
        ModelProto preprocessed, QuantizationPlan plan, Func<ModelProto, QuantizationPlan, IReadOnlyList<string>> values)
    {
        try
        {
            return values(preprocessed, plan);
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.NothingToQuantize)
        {
            return [];
        }
    }
}
