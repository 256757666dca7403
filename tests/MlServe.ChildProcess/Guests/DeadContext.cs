namespace MlServe.ChildProcess.Guests;

/// <summary>
/// A synchronization context that takes no work, as one whose window is gone; where it is not to throw, the thread pool does the work.
/// </summary>
internal sealed class DeadContext(Mischief mischief) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state)
    {
        mischief.Call("context.Post");
        ThreadPool.QueueUserWorkItem(_ => d(state));
    }
}
