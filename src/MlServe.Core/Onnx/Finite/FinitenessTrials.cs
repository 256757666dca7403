using MlServe.Onnx.Probing;
using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>
/// Finds out, by trying, which values that are not finite a model takes: trees take NaN for missing values, masks take a negative infinity.
/// A kind may come in an input if a good row is answered finitely with it, in every place that it was put. It also finds out which such
/// values answers to good rows hold themselves. Kinds that could not be tried are not taken.
/// </summary>
/// <param name="executor">Runs the model.</param>
/// <param name="options">The user's statement about it.</param>
/// <param name="trials">Runs it; null: it is not run, and only what the user says holds.</param>
/// <param name="facts">The graph's statement about integers.</param>
/// <param name="time">The clock.</param>
/// <param name="started">When the trials of the load began: all of them share <see cref="OnnxModelOptions.TrialTime"/>.</param>
internal sealed class FinitenessTrials(
    OnnxExecutor executor, OnnxModelOptions options, TrialRuns? trials, GraphFacts facts, TimeProvider time, long started)
{
    /// <summary>A model of so many inputs that these do not suffice is not worth a longer load.</summary>
    private const int MaxRuns = 256;

    private static readonly NonFiniteValues[] Kinds =
        [NonFiniteValues.NaN, NonFiniteValues.PositiveInfinity, NonFiniteValues.NegativeInfinity];

    private readonly NonFiniteValues[] _inputs = new NonFiniteValues[executor.Signature.Inputs.Count];
    private readonly NonFiniteValues[] _outputs = new NonFiniteValues[executor.Signature.Outputs.Count];
    private int _runs;

    /// <summary>The names of inputs that there was no time to try.</summary>
    public List<string> Untried { get; } = [];

    private bool HasTime => time.GetElapsedTime(started) <= options.TrialTime;

    /// <summary>The signature with the findings.</summary>
    /// <param name="found">A request that the model takes, if one is known, and its answer, if it was run.</param>
    /// <exception cref="ModelLoadException">The options name an input that the model does not have.</exception>
    public ModelSignature Find(FoundRow found)
    {
        var signature = executor.Signature;
        var stated = StatedInputs.Read(signature, options);
        foreach (var sample in options.SampleInputs)
            TakeSample(in sample);
        if (found.Row is { } good && (found.Answer ?? Run(in good)) is { } answer)
        {
            Note(answer, NonFiniteValues.All);
            for (var i = 0; i < good.Count; i++)
                Try(in good, i, answer, stated);
            LookAtMore();
        }

        for (var i = 0; i < _inputs.Length; i++)
            _inputs[i] = stated[i] ?? _inputs[i];
        return signature.With(
            [.. signature.Inputs.Select((input, i) => input with { NonFiniteValues = _inputs[i] })],
            [.. signature.Outputs.Select((output, i) => output with { NonFiniteValues = _outputs[i] })]);
    }

    /// <summary>Rows that the user calls good are good, no matter what they hold.</summary>
    private void TakeSample(in PredictionInputs sample)
    {
        for (var i = 0; i < sample.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in sample, i);
            if (IndexOf(in input) is >= 0 and var index) _inputs[index] |= NonFiniteRow.KindsOf(in input);
        }

        if (Run(in sample) is { } answer) Note(answer, NonFiniteValues.All);
    }

    /// <summary>
    /// Scores that are masked by what the inputs hold show it in some rows only. A NaN in the answer to a row that was made up says more of
    /// the row than of the model.
    /// </summary>
    private void LookAtMore()
    {
        if (options.SampleInputs.Count > 0) return;
        var isFirst = true;
        foreach (var (maxInteger, index) in (ReadOnlySpan<(int, int)>)[(2, 0), (2, 1), (8, 0)])
        {
            if (!isFirst && !HasTime) return;
            isFirst = false;
            if (RowTemplate.Guess(executor.Signature, new(8, maxInteger), facts) is not { } template) return;
            if (Run(template.Make(new(RowKind.Signed, 1, index))) is { } answer)
                Note(answer, NonFiniteValues.PositiveInfinity | NonFiniteValues.NegativeInfinity);
        }
    }

    private void Try(in PredictionInputs row, int position, FloatLeaves[] good, NonFiniteValues?[] stated)
    {
        ref readonly var input = ref PredictionInputs.ItemOf(in row, position);
        var index = IndexOf(in input);
        var count = NonFiniteRow.CountOf(in input);
        if (index < 0 || count == 0) return;
        if (stated[index] is { } allowed)
        {
            // What the user allows is answered as it should be, whatever that is.
            foreach (var kind in Kinds)
            {
                if ((allowed & kind) != 0 && Run(NonFiniteRow.With(in row, position, kind, NonFinitePattern.Last)) is { } answer)
                    Note(answer, NonFiniteValues.All);
            }

            return;
        }

        // Labels and texts do not show whether what they were made of was worth anything.
        if (!Array.Exists(good, static output => output.HasFinite)) return;
        foreach (var kind in Kinds)
        {
            if ((_inputs[index] & kind) != 0) continue;
            if (IsAnsweredFinitely(in row, position, kind, count, good) is not { } isTaken)
            {
                Untried.Add(executor.Signature.Inputs[index].Name);
                return;
            }

            if (isTaken) _inputs[index] |= kind;
        }
    }

    /// <returns>Null if there is no time left to try.</returns>
    private bool? IsAnsweredFinitely(in PredictionInputs row, int position, NonFiniteValues kind, long count, FloatLeaves[] good)
    {
        foreach (var pattern in NonFiniteRow.PatternsFor(count))
        {
            if (_runs >= MaxRuns || !HasTime) return null;
            if (Run(NonFiniteRow.With(in row, position, kind, pattern)) is not { } answer) return false;
            if (!Array.Exists(answer, static output => output.HasFinite)) return false;
            for (var i = 0; i < answer.Length; i++)
            {
                if (!answer[i].IsAsGoodAs(good[i])) return false;
            }
        }

        return true;
    }

    private void Note(FloatLeaves[] answer, NonFiniteValues kinds)
    {
        for (var i = 0; i < answer.Length; i++)
            _outputs[i] |= answer[i].Kinds & kinds;
    }

    private int IndexOf(in PredictionInput input) =>
        input.Name is null ? executor.Signature.SoleRequiredInput : executor.Signature.IndexOfInput(input.Name);

    /// <summary>The model's answer; null if it refuses the row.</summary>
    private FloatLeaves[]? Run(in PredictionInputs row)
    {
        if (trials is null) return null;
        trials.CancellationToken.ThrowIfCancellationRequested();
        if (executor.Prepare(in row, null, out var request) is not null) return null;
        _runs++;
        using var lane = executor.RentLane(request.Shape, Math.Max(1, request.Rows));
        lane.Write(in row, in request, 0, request.Rows, 0);
        if (trials.Run(lane, Math.Max(1, request.Rows), request.Outputs) is not null) return null;
        using var answer = lane.Read(in request, 0, default);
        return answer.IsOk ? FloatLeaves.Of(in answer) : null;
    }
}
