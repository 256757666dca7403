namespace MlServe.ChildProcess.BlockedPool;

/// <summary>Blocks on answers, and says in a word what came.</summary>
internal static class Answers
{
    public const string Ok = "Ok";
    public const string Cancelled = "Cancelled";
    public const string Late = nameof(PredictionStatus.DeadlineExceeded);

    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static PredictionInputs Row(int i) => PredictionInputs.Row(new float[] { i, i, i, i });

    /// <summary>Blocks on the task, as callers do who ought not to.</summary>
    public static string Block(
        IPredictor predictor, int i, PredictionInputs inputs, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Say(() => Wait(predictor.PredictAsync(inputs, timeout is null ? null : new() { Timeout = timeout }, cancellationToken)), i);

    public static string Block(IPredictor predictor, int i) => Block(predictor, i, Row(i));

    public static TResult Wait<TResult>(ValueTask<TResult> pending)
    {
        var task = pending.AsTask();
        if (!task.Wait(Patience)) throw new TimeoutException();
        return task.Result;
    }

    /// <param name="ask">Asks.</param>
    /// <param name="i">Whose answer it must be; null: that is not told.</param>
    public static string Say(Func<Prediction> ask, int? i)
    {
        using var prediction = ask();
        if (!prediction.IsOk) return prediction.Status.ToString();
        foreach (var value in prediction[0].AsSpan<float>())
        {
            if (i is not null && value != (2 * i) + 1) return $"{value} in place of {(2 * i) + 1}";
        }

        return Ok;
    }

    public static string Of(Func<string> ask)
    {
        try
        {
            return ask();
        }
        catch (AggregateException exception) when (exception.InnerException is OperationCanceledException)
        {
            return Cancelled;
        }
        catch (OperationCanceledException)
        {
            return Cancelled;
        }
        catch (TimeoutException)
        {
            return "Stuck";
        }
#pragma warning disable CA1031 // Told to the test.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return exception.GetBaseException().ToString().ReplaceLineEndings(" ");
        }
    }
}
