using MlServe.Onnx.Finite;
using MlServe.Onnx.Probing;

namespace MlServe.Onnx;

/// <summary>
/// Looks for a request that a model takes: the user's own, or a row that is made up. Done once for a load, because each row that is refused
/// costs a run.
/// </summary>
internal sealed class RowSearch(OnnxExecutor executor, OnnxModelOptions options, TrialRuns trials, GraphFacts facts)
{
    private static readonly RowPattern[] OtherPatterns = [new(RowKind.Zero, 1), new(RowKind.Constant, 1)];

    /// <exception cref="ModelLoadException">The user's own sample inputs do not fit.</exception>
    public FoundRow Find()
    {
        if (SampleOf(executor, options) is { } sample) return new(sample, []);

        // Made-up rows that the model refuses may be no rows that it has to take, and are no reason not to load it.
        List<PredictionError> refusals = [];
        foreach (var (number, (template, pattern)) in Rows().Index())
        {
            trials.CancellationToken.ThrowIfCancellationRequested();
            var row = template.Make(pattern);
            if (executor.Prepare(row, null, out var request) is not null) continue;
            using var lane = executor.RentLane(request.Shape, 1);
            lane.Write(row, request, 0, request.Rows, 0);
            if (trials.Run(lane, request.Rows, request.Outputs) is { } refusal)
            {
                refusals.Add(refusal);
                continue;
            }

            using var answer = lane.Read(request, 0, default);
            return new(row, [], answer.IsOk ? FloatLeaves.Of(in answer) : null, number);
        }

        return new(null, refusals);
    }

    /// <summary>One of the rows that are made up, by its number, without running it; null if there is none that fits.</summary>
    public PredictionInputs? Make(int number) =>
        Rows().ElementAtOrDefault(number) is (not null, { } pattern) found && found.Template.Make(pattern) is var row
            && executor.Prepare(row, null, out _) is null
                ? row
                : null;

    /// <summary>
    /// The first of the user's own samples; null if there is none. Samples of several rows are passed over if the trials have shown that
    /// the model takes one row at a time. They were right for its shapes.
    /// </summary>
    /// <exception cref="ModelLoadException">It does not fit.</exception>
    public static PredictionInputs? SampleOf(OnnxExecutor executor, OnnxModelOptions options)
    {
        foreach (var sample in options.SampleInputs)
        {
            if (executor.Prepare(in sample, null, out _) is not { } error) return sample;
            if (error.Code != PredictionErrorCode.NotBatchable)
                throw new ModelLoadException(ModelLoadFailure.WarmUpFailed, $"SampleInputs does not fit the model: {error.Message}");
        }

        return null;
    }

    private IEnumerable<(RowTemplate Template, RowPattern Pattern)> Rows()
    {
        RowTemplate? first = null;
        foreach (var guess in RowGuess.For(executor.Signature))
        {
            if (RowTemplate.Guess(executor.Signature, guess, facts) is not { } template) continue;
            first ??= template;
            yield return (template, new(RowKind.Positive, 1));
        }

        foreach (var pattern in first is null ? [] : OtherPatterns)
            yield return (first!, pattern);
    }
}
