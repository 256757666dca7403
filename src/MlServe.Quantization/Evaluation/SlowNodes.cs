using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Finds the nodes that cost more time on integers than in FP32, by leaving out one at a time. The cost of a node depends on its
/// neighbours.
/// </summary>
internal sealed class SlowNodes(SourceModel source, ModelProto preprocessed, EvaluationSamples samples, int threads)
{
    /// <param name="plan">The plan with all nodes.</param>
    /// <param name="decisions">The fate of the nodes under it.</param>
    /// <param name="speed">How fast that is against the source.</param>
    /// <param name="hasTime">Whether there is time for another node.</param>
    /// <param name="report">Told the share that is done.</param>
    /// <param name="cancellationToken">Gives it up between two nodes.</param>
    /// <returns>The nodes without which the model is faster, those that slow it down most first.</returns>
    public IReadOnlyList<string> Find(
        QuantizationPlan plan, IReadOnlyList<NodeDecision> decisions, double speed, Func<bool> hasTime, Action<double, string> report,
        CancellationToken cancellationToken)
    {
        string[] nodes = [.. decisions.Where(static decision => decision.IsQuantized && CalibratedValues.IsWithWeights(decision))
            .Select(static decision => decision.Node)
            .Distinct(StringComparer.Ordinal)];
        var gains = new List<(string Node, double Speed)>();
        for (var i = 0; i < nodes.Length && nodes.Length > 1 && hasTime(); i++)
        {
            report((double)i / nodes.Length, $"without node {i + 1} of {nodes.Length}");
            cancellationToken.ThrowIfCancellationRequested();
            if (SpeedWithout(nodes[i], plan, cancellationToken) is { } without && without > speed) gains.Add((nodes[i], without));
        }

        return [.. gains.OrderByDescending(static gain => gain.Speed)
            .ThenBy(static gain => gain.Node, StringComparer.Ordinal)
            .Select(static gain => gain.Node)];
    }

    private double? SpeedWithout(string node, QuantizationPlan plan, CancellationToken cancellationToken)
    {
        try
        {
            var result = PlanExecutor.Rewrite(preprocessed, plan with { ExcludedNodes = Plans.Excluded(plan, [node]) });
            using var session = GraphSession.Open(OnnxFile.ToBytes(result.Model), threads: threads, what: "The quantized model");
            return SpeedComparison.Measure(source.Session, session, samples.Retained[0], 0, cancellationToken).Ratio;
        }
        catch (QuantizationException)
        {
            return null;
        }
    }
}
