using System.Globalization;

namespace MlServe.Onnx;

/// <summary>
/// Finds along which axes rows lie, by trying: two different rows, each alone and both together, must give the same answers. Declared shapes are only
/// hints for what to try first, because they are often wrong; a model that no trial fits is run one row at a time. Where it is known why rows answer
/// differently (<paramref name="dependence"/>), that alone is no reason against an axis; the signature says that rows are not independent.
/// </summary>
internal sealed class BatchAxisProbe(OnnxSession session, ModelSignature declared, ModelIdentity identity, OnnxModelOptions options, TrialRuns? trials, string? dependence = null)
{
    private const int Seed = 20260801;
    private const string NotRun = "The model is not run while it is loaded (RunAtLoad is false), and its batch axis is not known without.";

    /// <summary>By how much of the largest value a row that is rounded to 8 bits in company may differ.</summary>
    private const double MaxRounding = 0.25;

    private static readonly (int FreeSize, int MaxInteger)[] Guesses = [(8, 8), (8, 2), (32, 8), (1, 8), (64, 8), (224, 8)];

    /// <summary>The signature with batch axes, or without any and the reason.</summary>
    public ModelSignature Find()
    {
        if (options.BatchDetection == BatchDetection.None) return WithoutAxes("The options say that it takes one row at a time.");
        if (options.BatchAxis is not null || options.BatchAxes.Count > 0) return FindStated();

        var candidates = BatchAxisTrials.For(declared);
        if (candidates.Count == 0) return WithoutAxes("All axes of all inputs have a fixed size.");
        if (trials is null) return WithoutAxes(NotRun);

        var reasons = new List<string>();
        var least = new Outcome(null, null, false);
        foreach (var trial in candidates)
        {
            var outcome = Try(trial);
            if (outcome.Signature is { } found)
            {
                if (dependence is null) return found;
                if (least.Signature is null || outcome.Difference < least.Difference) least = outcome;
            }
            else
            {
                reasons.Add(outcome.Reason!);
            }
        }

        return least.Signature ?? WithoutAxes(string.Join(" ", reasons.Distinct()), independent: dependence is null);
    }

    private ModelSignature FindStated()
    {
        var stated = BatchAxisTrials.Stated(declared, options);
        var outcome = trials is null ? new(null, NotRun, IsFinal: true) : Try(stated, isStated: true);
        if (outcome.Signature is { } found) return found;

        // The last word is the user's: where no made-up row can be run, outputs are taken to have their rows on the first axis.
        return With(stated, [.. declared.Outputs.Select(static _ => (int?)0)],
            $"The batch axis was stated; it could not be tried: {outcome.Reason}{(dependence is null ? "" : $" Rows answer differently in company: {dependence}.")}");
    }

    private Outcome Try(IReadOnlyList<int?> axes, bool isStated = false)
    {
        var candidate = With(axes, [.. declared.Outputs.Select(static _ => (int?)0)], "A trial.");
        var executor = new OnnxExecutor(session, candidate, identity, options, foreseesOutputs: false);
        try
        {
            var reason = "";
            foreach (var (first, second) in SamplePairs(candidate))
            {
                var result = TryPair(executor, axes, first, second, isStated);
                if (result.Signature is not null || result.IsFinal) return result;
                reason = result.Reason;
            }

            return new(null, reason is { Length: > 0 } ? reason : "No row could be made up: there is an input that is no tensor, or a very large one. State SampleInputs.", IsFinal: true);
        }
        finally
        {
            executor.CloseIdle();
        }
    }

    private IEnumerable<(PredictionInputs First, PredictionInputs Second)> SamplePairs(ModelSignature candidate)
    {
        if (options.SampleInputs.Count > 0)
        {
            yield return (options.SampleInputs[0], options.SampleInputs[Math.Min(1, options.SampleInputs.Count - 1)]);
            yield break;
        }

        var guesses = candidate.Inputs.Any(static input => input.Shape.Where((size, axis) => size.IsFree && axis != input.BatchAxis).Any())
            ? Guesses
            : Guesses[..2];
        foreach (var (freeSize, maxInteger) in guesses)
        {
            var rows = new SampleRows(candidate, Seed);
            if (rows.Next(freeSize, maxInteger) is not { } first || rows.Next(freeSize, maxInteger) is not { } second) continue;
            yield return (first, second);
        }
    }

    private Outcome TryPair(OnnxExecutor executor, IReadOnlyList<int?> axes, PredictionInputs first, PredictionInputs second, bool isStated)
    {
        var (aloneFirst, reason) = Run(executor, first);
        if (aloneFirst is null) return new(null, $"A row to try it with was refused: {reason}", IsFinal: options.SampleInputs.Count > 0);
        var (aloneSecond, _) = Run(executor, second);
        var (pair, pairReason) = Run(executor, first, second);
        if (pair is null || aloneSecond is null) return new(null, $"Two rows together were refused: {pairReason}", IsFinal: true);

        var outputAxes = new int?[pair.Length];
        var difference = 0.0;
        for (var i = 0; i < pair.Length; i++)
        {
            if (RowAgreement.FindAxis(aloneFirst[i], pair[i]) is not { } axis)
                return new(null, $"Output '{declared.Outputs[i].Name}' has no axis that grows with the rows.", IsFinal: true);

            outputAxes[i] = axis;
            difference = Math.Max(difference, RowAgreement.Difference(aloneFirst[i], pair[i], axis, 0));
            difference = Math.Max(difference, RowAgreement.Difference(aloneSecond[i], pair[i], axis, 1));
        }

        var measured = difference.ToString("0.0e+0", CultureInfo.InvariantCulture);
        if (dependence is not null)
        {
            var scale = Math.Max(1, pair.Max(RowAgreement.Magnitude));
            if (!isStated && !(difference <= MaxRounding * scale)) return new(null, $"Rows answer differently in company (by {measured}), by more than rounding would.", IsFinal: true);
            return new(With(axes, outputAxes,
                $"{(isStated ? "The batch axis was stated" : "The batch axis was found by a probe")}, although rows answer differently in company (by {measured} where tried): {dependence}."),
                null, true, difference);
        }

        if (difference <= RowAgreement.Tolerance)
            return new(With(axes, outputAxes, $"{(isStated ? "The batch axis was stated" : "The batch axis was found by a probe")}; rows alone and together differ by {measured}."), null, true);
        if (isStated)
            return new(With(axes, outputAxes, $"The batch axis was stated, although rows answer differently in company (by {measured}).", independent: false), null, true);
        return new(null, $"Rows answer differently in company (by {measured}, {RowAgreement.Tolerance:0.0e+0} is allowed).", IsFinal: true);
    }

    private (OutputValue[]? Outputs, string? Reason) Run(OnnxExecutor executor, params ReadOnlySpan<PredictionInputs> rows)
    {
        OnnxLane? lane = null;
        try
        {
            BatchRequest request = default;
            for (var i = 0; i < rows.Length; i++)
            {
                if (executor.Prepare(in rows[i], null, out request) is { } error) return (null, error.Message);
                lane ??= executor.RentLane(request.Shape, rows.Length);
                lane.Write(in rows[i], in request, 0, request.Rows, i);
            }

            return trials!.Run(lane!, rows.Length, request.Outputs) is { } failure ? (null, failure.Message) : (lane!.ReadWhole(), null);
        }
        catch (Exception exception) when (exception is OverflowException or NotSupportedException or ArgumentException)
        {
            return (null, exception.Message);
        }
        finally
        {
            lane?.Dispose();
        }
    }

    private ModelSignature WithoutAxes(string reason, bool independent = true) =>
        new(declared.Inputs, declared.Outputs, $"No batching: {reason}") { RowsAreIndependent = independent };

    private ModelSignature With(IReadOnlyList<int?> inputAxes, int?[] outputAxes, string note, bool independent = true) => new(
        declared.Inputs.Select((input, i) => input with { BatchAxis = inputAxes[i] }),
        declared.Outputs.Select((output, i) => output with { BatchAxis = outputAxes[i] }),
        note)
    { RowsAreIndependent = independent && dependence is null };

    private readonly record struct Outcome(ModelSignature? Signature, string? Reason, bool IsFinal, double Difference = 0);
}
