using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization.Evaluation;

/// <summary>From a file to a file: read, rewrite, open the result in the runtime, write.</summary>
internal static class ModelRewriting
{
    public static void RequireValid(IEnumerable<string> faults)
    {
        var messages = faults.ToList();
        if (messages.Count > 0)
            throw new QuantizationException(QuantizationFailure.InvalidOptions, $"The options are not valid: {string.Join(" ", messages)}");
    }

    /// <param name="source">The path of the model.</param>
    /// <param name="destination">The path of the new one.</param>
    /// <param name="samples">Inputs to run both on; null: they are made up.</param>
    /// <param name="planWithoutDigest">The plan; the digest is filled in.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<RewriteReport> RunAsync(
        string source, string destination, IEnumerable<PredictionInputs>? samples, QuantizationPlan planWithoutDigest,
        CancellationToken cancellationToken)
    {
        OnnxFile.CheckDestination(source, destination);
        var document = await OnnxDocument.ReadAsync(ModelSource.FromFile(source), cancellationToken).ConfigureAwait(false);
        var plan = planWithoutDigest with
        {
            SourceDigest = document.Digest,
            RemovedInputs = ListedWeights.ToRemove(document.Model, planWithoutDigest.Preprocessing),
        };
        using var given = await CheckSamples.ReadAsync(document, samples, plan.RemovedInputs, cancellationToken).ConfigureAwait(false);
        var (report, bytes) = await Task.Run(
            () => Rewrite(document, plan, given, cancellationToken), cancellationToken).ConfigureAwait(false);
        await OnnxFile.WriteAsync(destination, bytes, cancellationToken).ConfigureAwait(false);
        return report;
    }

    private static (RewriteReport Report, byte[] Bytes) Rewrite(
        OnnxDocument document, QuantizationPlan plan, CheckSamples samples, CancellationToken cancellationToken)
    {
        QuantizedOperators.RequireNone(document.Model);
        using var check = ResultCheck.Of(document.Model, samples.Values, cancellationToken);
        var (preprocessed, options, prepared) = CheckedPreprocessing.Run(document.Model, plan.Preprocessing, check, cancellationToken);
        if (prepared.Outcome == CheckOutcome.NotHeld) prepared.Require("The preprocessed model");
        var names = new NodeNames(document.Model, preprocessed.Model);
        plan = plan with { Preprocessing = options, ExcludedNodes = [.. plan.ExcludedNodes.Select(name => names.Find(name) ?? name)] };
        var result = PlanExecutor.Rewrite(preprocessed.Model, plan);
        RequireKnown(plan.ExcludedNodes, result.Decisions);
        cancellationToken.ThrowIfCancellationRequested();
        var bytes = OnnxFile.ToBytes(result.Model);
        var found = check.Run(bytes, Expectation.Of(plan.Method), cancellationToken);
        found.Require($"The model that {plan.Method} made of {document.Origin}");
        return (new()
        {
            Plan = plan,
            Decisions = result.Decisions,
            Check = found.Text,
            SourceBytes = document.SizeInBytes,
            Bytes = bytes.Length,
        }, bytes);
    }

    private static void RequireKnown(IEnumerable<string> excluded, IReadOnlyList<NodeDecision> decisions)
    {
        var known = decisions.Select(static decision => decision.Node).ToHashSet(StringComparer.Ordinal);
        if (excluded.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
        {
            throw new QuantizationException(QuantizationFailure.InvalidOptions,
                $"ExcludedNodes names '{unknown}', and there is no such node among those that could be quantized "
                    + $"({string.Join(", ", known.Take(5).Select(static name => $"'{name}'"))}{(known.Count > 5 ? " and others" : "")}).");
        }
    }
}
