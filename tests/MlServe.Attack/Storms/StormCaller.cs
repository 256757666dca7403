using System.Collections.Concurrent;

namespace MlServe.Attack.Storms;

/// <summary>One caller: asks one model after the other for rows that it draws, and holds each answer against the table.</summary>
internal sealed class StormCaller(
    StormServices services, StormTally tally, BlockingCollection<CancellationTokenSource> cancelling, StormWait wait, Random random)
{
    private const int MostRows = 40;
    private const int Kept = 16;

    private readonly Queue<(Prediction Prediction, StormModel Model, int[] Rows)> _kept = new();
    private float[] _memory = [];

    /// <summary>Asks until it is told to stop. Blocks where callers of its kind do.</summary>
    public async Task RunAsync(Func<bool> isOver)
    {
        while (!isOver())
        {
            var service = services.All[random.Next(services.All.Count)];
            var rows = Draw(service.Versions[0]);
            var inputs = Fill(service.Versions[0], rows);
            var options = Options();
#pragma warning disable CA2000 // The canceller may hold it when the request has ended; without a timer it holds nothing.
            var source = random.Next(6) == 0 ? new CancellationTokenSource() : null;
#pragma warning restore CA2000
            tally.Begin();
            var outcome = await AskAsync(service, rows, inputs, options, source).ConfigureAwait(false);

            // Whoever reads it later on reads what breaks an answer.
            _memory.AsSpan().Fill(float.NaN);
            tally.End(outcome);
        }

        while (_kept.Count > 0)
            LetGo();
    }

    private async Task<string> AskAsync(
        StormService service, int[] rows, PredictionInputs inputs, PredictionOptions? options, CancellationTokenSource? source)
    {
        var name = service.Versions[0].Name;
        try
        {
            var token = source?.Token ?? default;
            if (source is not null && random.Next(8) == 0) await source.CancelAsync().ConfigureAwait(false);
            else if (source is not null) cancelling.Add(source);
            var prediction = await WaitAsync(service.Predictor, inputs, options, token).ConfigureAwait(false);
            if (prediction.IsOk)
            {
                tally.Answer(name);
                Verify(prediction, rows, name);
                return "Ok";
            }

            using (prediction)
            {
                if (!IsExplained(prediction.Error, options))
                    tally.Break($"{name}: {prediction.Status} ({prediction.Error.Code}): {prediction.Error.Message}");
                return prediction.Status.ToString();
            }
        }
        catch (OperationCanceledException exception)
        {
            if (source is not { IsCancellationRequested: true }) tally.Break($"{name}: cancelled, and nobody had: {exception}");
            return "Cancelled";
        }
        catch (ObjectDisposedException)
        {
            // A version that has had its time: it refuses what comes late, and has not begun with it.
            return "Replaced";
        }
#pragma warning disable CA1031 // Whatever it is, no request may end so.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            tally.Break($"{name}: {exception}");
            return exception.GetType().Name;
        }
    }

    private ValueTask<Prediction> WaitAsync(
        IPredictor predictor, PredictionInputs inputs, PredictionOptions? options, CancellationToken token)
    {
        switch (wait)
        {
            case StormWait.Predict:
                return new(predictor.Predict(inputs, options, token));
            case StormWait.Block:
                return new(predictor.PredictAsync(inputs, options, token).AsTask().GetAwaiter().GetResult());
            case StormWait.Continue:
                return new(ContinueAsync(predictor.PredictAsync(inputs, options, token).AsTask()));
            default:
                return predictor.PredictAsync(inputs, options, token);
        }
    }

    /// <summary>Counts how often the waiting code is called.</summary>
    private async Task<Prediction> ContinueAsync(Task<Prediction> pending)
    {
        var (called, done) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        pending.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(() =>
        {
            if (Interlocked.Increment(ref called) > 1) tally.Break("Waiting code was called twice.");
            done.TrySetResult();
        });
        await done.Task.ConfigureAwait(false);
        return await pending.ConfigureAwait(false);
    }

    private int[] Draw(StormModel model)
    {
        var first = random.Next(model.Inputs.Length);
        var count = random.Next(8) == 0 ? random.Next(2, MostRows) : 1;
        if (count == 1) return [first];

        // Rows of one request have one length.
        var same = Enumerable.Range(0, model.Inputs.Length).Where(row => model.Inputs[row].Length == model.Inputs[first].Length).ToArray();
        return [.. Enumerable.Range(0, count).Select(_ => same[random.Next(same.Length)])];
    }

    private PredictionInputs Fill(StormModel model, int[] rows)
    {
        var length = model.Inputs[rows[0]].Length;
        if (_memory.Length != rows.Length * length) _memory = new float[rows.Length * length];
        for (var i = 0; i < rows.Length; i++)
            model.Inputs[rows[i]].CopyTo(_memory.AsSpan(i * length));
        return rows.Length == 1 ? PredictionInputs.Row(_memory) : PredictionInputs.Rows(_memory, rows.Length);
    }

    private PredictionOptions? Options()
    {
        if (random.Next(3) == 0) return null;
        return new()
        {
            Priority = random.Next(4) == 0 ? RequestPriority.Bulk : RequestPriority.Normal,
            Timeout = random.Next(4) switch
            {
                0 => TimeSpan.FromMicroseconds(random.Next(1, 2000)),
                1 => TimeSpan.FromMilliseconds(random.Next(2, 100)),
                2 => TimeSpan.FromSeconds(30),
                _ => null,
            },
        };
    }

    /// <summary>Whether the caller's own doing, or a bound that is stated, explains a refusal.</summary>
    private static bool IsExplained(PredictionError error, PredictionOptions? options) => error.Status switch
    {
        PredictionStatus.DeadlineExceeded => options?.Timeout is not null,
        PredictionStatus.Overloaded =>
            error.Code is PredictionErrorCode.QueueFull or PredictionErrorCode.LayersOverrun || options?.Timeout is not null,

        // A version that was closed while the request was on its way through the layers.
        PredictionStatus.NotReady => error.Code == PredictionErrorCode.Draining,
        _ => false,
    };

    private void Verify(Prediction prediction, int[] rows, string name)
    {
        var identity = prediction.Origin.Model;
        if (identity is null || !services.Tables.TryGetValue($"{identity.Name}/{identity.Version}", out var model))
        {
            tally.Break($"{name}: an answer of '{identity?.Name}', version '{identity?.Version}', which is unknown.");
            return;
        }

        Check(prediction, model, rows, "at once");
        if (random.Next(32) > 0)
        {
            prediction.Dispose();
            return;
        }

        // Kept for a while and looked at again: memory that was given away too early shows another answer by then.
        _kept.Enqueue((prediction, model, rows));
        if (_kept.Count > Kept) LetGo();
    }

    private void LetGo()
    {
        var (prediction, model, rows) = _kept.Dequeue();
        Check(prediction, model, rows, "later on");
        prediction.Dispose();
    }

    private void Check(Prediction prediction, StormModel model, int[] rows, string when)
    {
        var answer = prediction[model.Output].AsSpan<float>();
        var length = rows.Length == 0 ? 0 : answer.Length / rows.Length;
        for (var i = 0; i < rows.Length; i++)
        {
            if (model.IsAnswerTo(rows[i], answer.Slice(i * length, length))) continue;
            var owner = Enumerable.Range(0, model.Inputs.Length)
                .FirstOrDefault(row => model.IsAnswerTo(row, prediction[model.Output].AsSpan<float>().Slice(i * length, length)), -1);
            tally.Break(
                $"{model.Name}/{model.Version}, {when}: row {i} of {rows.Length} is not the answer to row "
                + $"{rows[i]}{(owner < 0 ? "" : $" but to row {owner}")} ({prediction.Origin.Source}, batch of "
                + $"{prediction.Origin.BatchRows}).");
            return;
        }
    }
}
