using System.Runtime.CompilerServices;

namespace MlServe.ChildProcess.Guests;

/// <summary>Callers whose own context is dead, or who await twice what may be awaited once.</summary>
internal sealed class GuestCallers(Ledger ledger, Mischief mischief, IPredictor predictor)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public async Task RunAsync()
    {
        for (var i = 0; i < 200; i++)
        {
            await AnswerOrMissAsync(InContext(i)).ConfigureAwait(false);
            await AnswerOrMissAsync(OnScheduler(1000 + i)).ConfigureAwait(false);
        }

        for (var i = 0; i < 300; i++)
            await AwaitTwiceAsync(i).ConfigureAwait(false);
    }

    private async Task AnswerOrMissAsync(Task<bool> asking)
    {
        ledger.Begin();
        if (await Task.WhenAny(asking, Task.Delay(Patience)).ConfigureAwait(false) != asking) ledger.MissedAnswer();
        else await asking.ConfigureAwait(false);
    }

    private Task<bool> InContext(int i) => Task.Run(() =>
    {
        SynchronizationContext.SetSynchronizationContext(new DeadContext(mischief));
        try
        {
            return AskInContextAsync(i);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(null);
        }
    });

    private Task<bool> OnScheduler(int i) =>
        Task.Factory.StartNew(() => AskInContextAsync(i), CancellationToken.None, TaskCreationOptions.None, new DeadScheduler(mischief))
            .Unwrap();

    [AsyncMethodBuilder(typeof(AsyncTaskMethodBuilder<>))]
    private async Task<bool> AskInContextAsync(int i)
    {
        float[] row = [i, 5, 1000 + i];
        try
        {
            using var answer = await predictor.PredictAsync(PredictionInputs.Row(row));
            ledger.Judge(in answer, row);
        }
        catch (Exception exception)
        {
            ledger.Judge(exception, null);
        }

        return true;
    }

    /// <summary>One of two that await the same value task is answered, and the other told.</summary>
    private async Task AwaitTwiceAsync(int i)
    {
        float[] row = [i, 6, 2000 + i];
        ledger.Begin();
        var pending = predictor.PredictAsync(PredictionInputs.Row(row));
        var isAnsweredAtOnce = pending.IsCompleted;
        Task<(bool Answered, bool Told)>[] both = [ReadAsync(pending, row), Task.Run(() => ReadAsync(pending, row))];
        var all = Task.WhenAll(both);
        if (await Task.WhenAny(all, Task.Delay(Patience)).ConfigureAwait(false) != all)
        {
            ledger.MissedAnswer();
            return;
        }

        var ends = await all.ConfigureAwait(false);

        // What is there at once is no object that could be used twice by mistake.
        if (!isAnsweredAtOnce && (ends.Count(static end => end.Answered) != 1 || ends.Count(static end => end.Told) != 1))
            ledger.Judge(new InvalidOperationException("twice"), null);
        else ledger.Judge(new InvalidOperationException("told"), static (_, _) => true);
    }

    private static async Task<(bool Answered, bool Told)> ReadAsync(ValueTask<Prediction> pending, float[] row)
    {
        try
        {
            using var answer = await pending.ConfigureAwait(false);
            return (answer.IsOk && answer["y"].ToScalar<float>() == row.Sum(), false);
        }
        catch (InvalidOperationException)
        {
            return (false, true);
        }
    }
}
