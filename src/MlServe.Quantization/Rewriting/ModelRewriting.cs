using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Rewriting;

/// <summary>From a file to a file: read, rewrite, open the result in the runtime, write.</summary>
internal static class ModelRewriting
{
    public static void RequireValid(IEnumerable<string> faults)
    {
        var messages = faults.ToList();
        if (messages.Count > 0) throw new QuantizationException(QuantizationFailure.InvalidOptions, $"The options are not valid: {string.Join(" ", messages)}");
    }

    /// <param name="source">The path of the model.</param>
    /// <param name="destination">Where the new one goes.</param>
    /// <param name="planWithoutDigest">What to do; the digest is filled in.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<RewriteReport> RunAsync(string source, string destination, QuantizationPlan planWithoutDigest, CancellationToken cancellationToken)
    {
        OnnxFile.CheckDestination(source, destination);
        var document = await OnnxDocument.ReadAsync(ModelSource.FromFile(source), cancellationToken).ConfigureAwait(false);
        var plan = planWithoutDigest with { SourceDigest = document.Digest, RemovedInputs = ListedWeights.ToRemove(document.Model, planWithoutDigest.Preprocessing) };
        var (decisions, bytes) = await Task.Run(() => Rewrite(document, plan, cancellationToken), cancellationToken).ConfigureAwait(false);
        await OnnxFile.WriteAsync(destination, bytes, cancellationToken).ConfigureAwait(false);
        return new() { Plan = plan, Decisions = decisions, SourceBytes = document.SizeInBytes, Bytes = bytes.Length };
    }

    private static (IReadOnlyList<NodeDecision> Decisions, byte[] Bytes) Rewrite(OnnxDocument document, QuantizationPlan plan, CancellationToken cancellationToken)
    {
        var result = PlanExecutor.Apply(document.Model, plan);
        RequireKnown(plan.ExcludedNodes, result.Decisions);
        cancellationToken.ThrowIfCancellationRequested();
        var bytes = OnnxFile.ToBytes(result.Model);
        GraphSession.Open(bytes, what: $"What {document.Origin} became").Dispose();
        cancellationToken.ThrowIfCancellationRequested();
        return (result.Decisions, bytes);
    }

    private static void RequireKnown(IEnumerable<string> excluded, IReadOnlyList<NodeDecision> decisions)
    {
        var known = decisions.Select(static decision => decision.Node).ToHashSet(StringComparer.Ordinal);
        if (excluded.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
        {
            throw new QuantizationException(QuantizationFailure.InvalidOptions,
                $"ExcludedNodes names '{unknown}', and there is no such node among those that could be quantized ({string.Join(", ", known.Take(5).Select(static name => $"'{name}'"))}{(known.Count > 5 ? " and others" : "")}).");
        }
    }
}
