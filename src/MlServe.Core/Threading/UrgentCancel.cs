using MlServe.Guests;

namespace MlServe.Threading;

/// <summary>Cancels a source elsewhere: callbacks that are registered with it may be other people's code, and block.</summary>
internal sealed class UrgentCancel : UrgentWork
{
    private readonly CancellationTokenSource _source;
    private readonly TaskCompletionSource _done = new();

    private UrgentCancel(CancellationTokenSource source) => _source = source;

    /// <summary>Cancels elsewhere on <see cref="DeadlineThread"/>, and here on any other thread.</summary>
    public static void Cancel(CancellationTokenSource source)
    {
        if (DeadlineThread.IsCurrent) _ = CancelAsync(source);
        else source.CancelQuietly();
    }

    /// <summary>
    /// Cancels when a time is over, unless the result is disposed before. Unlike a source with a delay of its own, it does so even if the
    /// pool is blocked or callbacks throw. It never cancels early, even if the clock's timers fire early.
    /// </summary>
    public static IDisposable After(CancellationTokenSource source, TimeSpan delay, TimeProvider time) => new Timed(source, delay, time);

    /// <summary>
    /// Cancels elsewhere. It ends when all registered callbacks have been called, and code that waits for that goes on there too.
    /// </summary>
    /// <param name="source">The source to cancel.</param>
    /// <param name="helpers">The threads that do it if the pool does not come to it; null: those for answers.</param>
    public static Task CancelAsync(CancellationTokenSource source, HelperThreads? helpers = null)
    {
        if (source.IsCancellationRequested) return Task.CompletedTask;
        var cancel = new UrgentCancel(source);
        cancel.Queue(helpers ?? HelperThreads.ForAnswers);
        return cancel._done.Task;
    }

    protected override void Execute(UrgentPlace place)
    {
        _source.CancelQuietly();
        _done.SetResult();
    }

    private sealed class Timed : IDisposable, IDeadlineOwner
    {
        private readonly CancellationTokenSource _source;
        private readonly DeadlineAlarm _alarm;

        public Timed(CancellationTokenSource source, TimeSpan delay, TimeProvider time)
        {
            _source = source;
            _alarm = new(this);
            _alarm.Start(time, time.After(delay));
        }

        public void Dispose() => _alarm.Dispose();

        void IDeadlineOwner.Expire(int turn) => Cancel(_source);
    }
}
