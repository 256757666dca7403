using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Quantizes one node at a time and sees what that does to the answers.</summary>
internal sealed class SensitivityAnalysis(SourceModel source, ModelProto preprocessed, EvaluationSamples samples,
    IReadOnlyDictionary<string, ChosenMetric> metrics, QuantizationGate gate, int threads)
{
    // What a correction takes back depends on how the neighbours are rounded, and alone a node has none.
    private static readonly Dictionary<string, float[]> NoCorrections = [];

    /// <param name="plan">The plan with all nodes.</param>
    /// <param name="decisions">The fate of the nodes under it.</param>
    /// <param name="hasTime">Whether there is time for another node.</param>
    /// <param name="report">Told the share that is done.</param>
    /// <param name="cancellationToken">Gives it up between two nodes.</param>
    public async Task<SensitivityReport> RunAsync(
        QuantizationPlan plan, IReadOnlyList<NodeDecision> decisions, Func<bool> hasTime, Action<double, string> report,
        CancellationToken cancellationToken)
    {
        NodeDecision[] nodes = [.. decisions.Where(static decision => decision.IsQuantized && CalibratedValues.IsWithWeights(decision))
            .DistinctBy(static decision => decision.Node)];
        var found = new List<NodeSensitivity>(nodes.Length);
        var notTried = new List<string>();
        for (var i = 0; i < nodes.Length; i++)
        {
            report((double)i / nodes.Length, $"node {i + 1} of {nodes.Length} alone");
            if (!hasTime())
            {
                notTried.Add(nodes[i].Node);
                continue;
            }

            var others = nodes.Where((_, j) => j != i).Select(static node => node.Node);
            if (await TryAsync(
                plan with { ExcludedNodes = Plans.Excluded(plan, others), BiasCorrections = NoCorrections }, nodes[i],
                cancellationToken).ConfigureAwait(false) is { } node)
                found.Add(node);
        }

        return new()
        {
            Nodes = [.. found.OrderBy(static node => node.SnrDb)
                .ThenBy(static node => node.Agreement ?? 1)
                .ThenBy(static node => node.Node, StringComparer.Ordinal)],
            NotTried = notTried,
            Samples = samples.Kept.Count,
        };
    }

    /// <returns>Null if the node is only quantized in company, as what passes values on is.</returns>
    private async Task<NodeSensitivity?> TryAsync(QuantizationPlan plan, NodeDecision node, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var result = PlanExecutor.Rewrite(preprocessed, plan);
            if (!result.Decisions.Any(decision => decision.IsQuantized && decision.Node == node.Node)) return null;
            using var session = GraphSession.Open(OnnxFile.ToBytes(result.Model), threads: threads, what: "The quantized model");
            var comparison = await ModelComparison.RunAsync(
                source.Session, session, samples.KeptAsync(cancellationToken), metrics, cancellationToken).ConfigureAwait(false);
            return new(node.Node, node.OpType, comparison.WorstSnrDb ?? double.PositiveInfinity, comparison.WorstAgreement)
            {
                Speed = gate.MinSpeedup > 0
                    ? SpeedComparison.Measure(source.Session, session, samples.Retained[0], 0, cancellationToken).Ratio
                    : null,
            };
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.NothingToQuantize)
        {
            return null;
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.InvalidModel)
        {
            return new(node.Node, node.OpType, double.NegativeInfinity, null);
        }
    }
}
