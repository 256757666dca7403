namespace MlServe.ChildProcess.Guests;

/// <summary>A task scheduler that takes its first task only.</summary>
internal sealed class DeadScheduler(Mischief mischief) : TaskScheduler
{
    private bool _hasBegun;

    protected override IEnumerable<Task> GetScheduledTasks() => [];

    protected override void QueueTask(Task task)
    {
        if (_hasBegun) mischief.Call("scheduler.QueueTask");
        _hasBegun = true;
        ThreadPool.QueueUserWorkItem(_ => TryExecuteTask(task));
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;
}
