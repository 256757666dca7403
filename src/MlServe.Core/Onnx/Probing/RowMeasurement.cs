namespace MlServe.Onnx.Probing;

/// <summary>
/// Runs rows alone and together, along given axes, and judges the difference. It is held against the output's magnitude, and against how
/// far apart the rows' own answers are. Answers that show nothing (that are alike, or not finite) are no evidence.
/// </summary>
internal sealed class RowMeasurement(
    ITrial trial, ModelSignature declared, TrialBudget budget, double tolerance, IReadOnlyList<TrialRow> samples)
{
    /// <summary>Elements of answers that are kept for the next scenes.</summary>
    private const long MaxKeptElements = 16 * 1024 * 1024;

    private readonly OutputEvidence[] _outputs = [.. declared.Outputs.Select(output => new OutputEvidence(output.Name, tolerance))];
    private readonly Dictionary<RowPattern, RowAlone> _alone = [];
    private long _keptElements;
    private string _refusal = "";

    /// <summary>Finds the axes of the outputs, and nothing else.</summary>
    public MeasuredRows FindAxes(RowTemplate template) =>
        Try(template, new TrialScenes(template, samples.Count).ForAxes(), TrialBudget.ForRounding, judges: false);

    /// <summary>Measures the rounding of rows that are known to be independent.</summary>
    public MeasuredRows FindRounding(RowTemplate template) =>
        Try(template, new TrialScenes(template, samples.Count).ForRounding(), TrialBudget.ForRounding, judges: false);

    /// <summary>Tells whether rows depend on each other.</summary>
    public MeasuredRows FindEvidence(RowTemplate template)
    {
        var found = Try(template, new TrialScenes(template, samples.Count).ForEvidence(), TrialBudget.ForEvidence, judges: true);
        if (found.Outcome != MeasureOutcome.Independent) return found;
        foreach (var output in _outputs)
        {
            if (output.Doubt() is { } doubt) return found with { Outcome = MeasureOutcome.Inconclusive, Reason = doubt };
        }

        return found;
    }

    private MeasuredRows Try(RowTemplate template, IEnumerable<TrialScene> scenes, TimeSpan limit, bool judges)
    {
        PredictionInputs? row = null;
        try
        {
            foreach (var scene in scenes)
            {
                if (row is not null && !budget.Has(limit))
                {
                    if (!judges || !scene.IsEssential) break;
                    return new(MeasureOutcome.Inconclusive, $"trying it took longer than {limit.TotalSeconds:0} s");
                }

                if (row is null)
                {
                    if (Begin(template, scene.Rows[0], limit, judges) is { } end) return end;
                    row = _alone[scene.Rows[0]].Row.Inputs;
                }

                if (Play(template, scene, judges) is { } fault) return fault with { Row = row };
            }

            return Result(new(MeasureOutcome.Independent, ""), row);
        }
        finally
        {
            Forget();
        }
    }

    /// <summary>
    /// Runs the first row, twice. If nothing is judged by it and a run takes long, once: the warm-up runs one row again in any case.
    /// </summary>
    private MeasuredRows? Begin(RowTemplate template, RowPattern pattern, TimeSpan limit, bool judges)
    {
        if (Alone(template, pattern) is not { } answer) return new(MeasureOutcome.NoRow, _refusal);
        for (var i = 0; i < answer.Length; i++)
            _outputs[i].Epsilon = RowAgreement.Epsilon(answer[i]);
        if (!judges && !budget.Has(limit)) return null;
        if (Run([_alone[pattern].Row], out var again) is { } refusal)
            return new(MeasureOutcome.NotRepeatable, $"it answers a row once, and refuses it the second time: {refusal}");

        for (var i = 0; i < answer.Length; i++)
        {
            if (Repeatability.Differs(answer[i], again[i]))
                return new(
                    MeasureOutcome.NotRepeatable,
                    $"output '{declared.Outputs[i].Name}' is another one the second time that one row is run");
        }

        return null;
    }

    /// <summary>Runs a scene's rows alone and together.</summary>
    /// <returns>Null, or what ends the measurement.</returns>
    private MeasuredRows? Play(RowTemplate template, TrialScene scene, bool judges)
    {
        var patterns = new List<RowPattern>(scene.Rows.Count);
        var rows = new List<TrialRow>(scene.Rows.Count);
        var answers = new List<OutputValue[]>(scene.Rows.Count);
        foreach (var pattern in scene.Rows)
        {
            // What the model does not take alone shows nothing in company.
            if (Alone(template, pattern) is not { } answer) continue;
            patterns.Add(pattern);
            rows.Add(_alone[pattern].Row);
            answers.Add(answer);
        }

        if (rows.Count < 2) return null;
        if (Run([.. rows], out var company) is { } refusal)
            return new(MeasureOutcome.NoAxis, $"{(rows.Count == 2 ? "Two" : rows.Count)} rows together were refused: {refusal}");

        try
        {
            return Judge(patterns, answers, company, judges);
        }
        finally
        {
            foreach (var output in company)
                output.Clear();
            if (_keptElements > MaxKeptElements) Forget();
        }
    }

    private MeasuredRows? Judge(List<RowPattern> patterns, List<OutputValue[]> answers, OutputValue[] company, bool judges)
    {
        for (var i = 0; i < company.Length; i++)
        {
            var axis = RowAgreement.FindAxis(answers[0][i], company[i], patterns.Count);
            if (axis is null || (_outputs[i].Axis is { } known && known != axis))
                return new(MeasureOutcome.NoAxis, $"Output '{declared.Outputs[i].Name}' has no axis that grows with the rows.");
            _outputs[i].Axis = axis;
        }

        string? fault = null;
        for (var i = 0; i < company.Length; i++)
        {
            OutputValue[] alone = [.. answers.Select(answer => answer[i])];
            fault ??= _outputs[i].Judge(alone, company[i], patterns);
        }

        return fault is null || !judges ? null : Result(new(MeasureOutcome.Dependent, fault), null);
    }

    private MeasuredRows Result(MeasuredRows found, PredictionInputs? row)
    {
        var worst = _outputs.MaxBy(static output => output.Rounding)!;
        if (Array.Exists(_outputs, static output => output.Axis is null))
        {
            return new(MeasureOutcome.Inconclusive, $"no second row was found that the model takes beside the first ({_refusal})")
            {
                Row = row,
            };
        }

        return found with
        {
            OutputAxes = [.. _outputs.Select(static output => output.Axis)],
            Rounding = worst.Rounding,
            IsOver = Array.Exists(_outputs, static output => output.IsOver),
            RoundingOutput = worst.Rounding > 0 ? worst.Name : null,
            Row = row,
        };
    }

    /// <summary>A row's own answer; null if the model does not take it.</summary>
    private OutputValue[]? Alone(RowTemplate template, RowPattern pattern)
    {
        if (_alone.TryGetValue(pattern, out var known)) return known.Answer;
        var row = pattern.Kind == RowKind.Given ? samples[pattern.Index] : new(template.Make(pattern));
        OutputValue[]? answer = null;
        if (Run([row], out var outputs) is { } refusal)
        {
            if (_refusal.Length == 0) _refusal = refusal;
        }
        else
        {
            answer = outputs;
            _keptElements += outputs.Sum(static output => (long)output.Length) + template.ElementsOfRow;
        }

        _alone.Add(pattern, new(row, answer));
        return answer;
    }

    private string? Run(ReadOnlySpan<TrialRow> rows, out OutputValue[] outputs)
    {
        budget.CountRun();
        return trial.Run(rows, out outputs);
    }

    private void Forget()
    {
        foreach (var known in _alone.Values)
        {
            foreach (var output in known.Answer ?? [])
                output.Clear();
        }

        _alone.Clear();
        _keptElements = 0;
    }
}
