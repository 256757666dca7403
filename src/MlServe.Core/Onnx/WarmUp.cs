namespace MlServe.Onnx;

/// <summary>
/// Runs a model before it counts as ready, at each batch size that will be used and on as many lanes as will run at once: first runs size arenas, make
/// bindings and compile code.
/// </summary>
internal sealed class WarmUp(OnnxExecutor executor, OnnxModelOptions options, int lanes)
{
    private const int Seed = 20260802;

    /// <exception cref="ModelLoadException">The user's own sample inputs fail, or a size was asked for that the model does not take.</exception>
    public void Run(CancellationToken cancellationToken)
    {
        executor.SampleRequest = FindRow();
        if (options.WarmUpRuns == 0) return;
        var sizes = options.WarmUpRows.Count == 0 ? [1] : options.WarmUpRows.Distinct().Order().ToArray();
        if (!executor.Signature.IsBatchable && sizes[^1] > 1)
        {
            throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                $"WarmUpRows names {sizes[^1]}, and the model takes one row at a time. {executor.Signature.BatchingNote}");
        }

        if (executor.SampleRequest is not { } row) return;
        foreach (var rows in sizes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            RunLanes(row, rows, cancellationToken);
        }
    }

    /// <summary>A request that the model takes; null where none is known.</summary>
    /// <exception cref="ModelLoadException">The user's own sample inputs do not fit.</exception>
    public PredictionInputs? FindRow()
    {
        if (options.SampleInputs.Count > 0)
        {
            if (executor.Prepare(options.SampleInputs[0], null, out _) is { } error)
                throw new ModelLoadException(ModelLoadFailure.WarmUpFailed, $"SampleInputs does not fit the model: {error.Message}");
            return options.SampleInputs[0];
        }

        // Made-up rows that the model refuses show nothing, and are no reason not to load it.
        foreach (var (freeSize, maxInteger) in (ReadOnlySpan<(int, int)>)[(8, 8), (8, 2), (32, 8), (1, 8)])
        {
            if (new SampleRows(executor.Signature, Seed).Next(freeSize, maxInteger) is not { } row) continue;
            if (executor.Prepare(row, null, out var request) is not null) continue;
            using var lane = executor.RentLane(request.Shape, 1);
            lane.Write(row, request, 0, request.Rows, 0);
            if (lane.Run(1, request.Outputs) is null) return row;
        }

        return null;
    }

    private void RunLanes(PredictionInputs row, int rows, CancellationToken cancellationToken)
    {
        executor.Prepare(row, null, out var request);
        var perRequest = Math.Max(1, request.Rows);
        var rented = new List<OnnxLane>();
        try
        {
            for (var i = 0; i < lanes; i++)
            {
                var lane = executor.RentLane(request.Shape, Math.Max(rows, perRequest));
                rented.Add(lane);
                for (var run = 0; run < options.WarmUpRuns; run++)
                {
                    var written = 0;
                    for (; written + perRequest <= Math.Max(rows, perRequest); written += perRequest)
                        lane.Write(row, request, 0, request.Rows, written);
                    if (lane.Run(written, request.Outputs, cancellationToken) is { } error)
                    {
                        if (options.SampleInputs.Count == 0) return;
                        throw new ModelLoadException(ModelLoadFailure.WarmUpFailed,
                            $"A warm-up run of {written} row(s) with SampleInputs failed: {error.Message}", error.Exception);
                    }

                    lane.Read(request, 0, default).Dispose();
                }
            }
        }
        finally
        {
            foreach (var lane in rented)
                lane.Dispose();
        }
    }
}
