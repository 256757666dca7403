namespace MlServe.Onnx;

/// <summary>
/// Runs a model before it counts as ready, at each batch size that was asked for, on one lane. Other lanes of the shape are made when
/// requests need them, and use the same findings. First runs size arenas, make bindings and compile code. One row is run again and again on
/// the way: answers that differ show a model that is random, or keeps something.
/// </summary>
internal sealed class WarmUp(OnnxExecutor executor, OnnxModelOptions options, TrialRuns trials)
{
    /// <summary>Two runs learn the place of outputs, and the third is the first that writes them there.</summary>
    private const int RunsAlone = 3;

    private Prediction? _answer;
    private string? _unrepeatable;
    private bool _isSample;

    /// <summary>Whether the row was answered each time.</summary>
    public bool IsAnswered { get; private set; }

    /// <param name="row">A request that the model takes; null if none is known.</param>
    /// <param name="runBefore">Runs of it on the lane so far.</param>
    /// <returns>An output that differed when one row was run again; null if none did.</returns>
    /// <exception cref="ModelLoadException">The user's own sample inputs fail, or a size was asked for that the model does not
    /// take.</exception>
    public string? Run(PredictionInputs? row, int runBefore)
    {
        try
        {
            _isSample = RowSearch.SampleOf(executor, options) is not null;
            executor.SampleRequest = row;
            if (row is { } given) RunSizes(given, runBefore);
            else CheckSizes();
            return _unrepeatable;
        }
        finally
        {
            _answer?.Dispose();
        }
    }

    private void RunSizes(PredictionInputs row, int runBefore)
    {
        var runsAlone = RunAlone(row, runBefore);
        IsAnswered = runsAlone > 0;
        var sizes = CheckSizes();
        foreach (var rows in sizes)
        {
            trials.CancellationToken.ThrowIfCancellationRequested();
            RunSize(row, rows, options.WarmUpRuns - (rows == 1 ? runsAlone : 0));
        }
    }

    private int[] CheckSizes()
    {
        var sizes = options.WarmUpRows.Count == 0 || options.WarmUpRuns == 0 ? [1] : options.WarmUpRows.Distinct().Order().ToArray();
        if (!executor.Signature.IsBatchable && sizes[^1] > 1)
        {
            throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                $"WarmUpRows names {sizes[^1]}, and the model takes one row at a time. {executor.Signature.BatchingNote}");
        }

        return sizes;
    }

    /// <returns>How often it was answered.</returns>
    private int RunAlone(PredictionInputs row, int runBefore)
    {
        if (executor.Prepare(row, null, out var request) is not null) return 0;
        using var lane = executor.RentLane(request.Shape, Math.Max(1, request.Rows));
        for (var run = runBefore; run < RunsAlone; run++)
        {
            // The user's own rows fail below, with the number of rows that failed.
            if (RunRow(lane, row, request) is not null) return 0;
        }

        executor.SampleRunTime = trials.LastRunTime;
        return RunsAlone;
    }

    private PredictionError? RunRow(OnnxLane lane, in PredictionInputs row, in PreparedRequest request)
    {
        lane.Write(row, request, 0, request.Rows, 0);
        if (trials.Run(lane, request.Rows, request.Outputs) is { } error) return error;
        Compare(lane.Read(request, 0, default));
        return null;
    }

    /// <summary>Compares an answer to the one row with the first that it had.</summary>
    private void Compare(Prediction answer)
    {
        if (_answer is not { } first || !answer.IsOk)
        {
            if (answer.IsOk) _answer = answer;
            return;
        }

        using (answer)
        {
            for (var i = 0; _unrepeatable is null && i < first.Count; i++)
            {
                if (Repeatability.Differs(first.ValueAt(i), answer.ValueAt(i))) _unrepeatable = first[i].Name;
            }
        }
    }

    private void RunSize(PredictionInputs row, int rows, int runs)
    {
        executor.Prepare(row, null, out var request);
        var perRequest = Math.Max(1, request.Rows);
        using var lane = runs > 0 ? executor.RentLane(request.Shape, Math.Max(rows, perRequest)) : null;
        for (var run = 0; run < runs; run++)
        {
            var written = 0;
            for (; written + perRequest <= Math.Max(rows, perRequest); written += perRequest)
                lane!.Write(row, request, 0, request.Rows, written);
            if (trials.Run(lane!, written, request.Outputs) is { } error)
            {
                if (!_isSample) return;
                throw new ModelLoadException(ModelLoadFailure.WarmUpFailed,
                    $"A warm-up run of {written} row(s) with SampleInputs failed: {error.Message}", error.Exception);
            }

            // In company it may differ by rounding.
            if (written == perRequest) Compare(lane!.Read(request, 0, default));
            else lane!.Read(request, 0, default).Dispose();
        }
    }
}
