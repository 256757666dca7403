namespace MlServe;

/// <summary>
/// Stands between a task, of the runtime's or of the application's own, and the code that waits for it. A second await, or a context that
/// takes no work, then ends as it does everywhere in this house: at the one who is to blame.
/// </summary>
/// <typeparam name="TResult">The task that is waited for.</typeparam>
internal sealed class RelayedOperation<TResult> : AwaitingSource<TResult, TResult>
{
    public static ValueTask<TResult> Of(ValueTask<TResult> task)
    {
        if (task.IsCompleted) return task;
        var operation = Pool<RelayedOperation<TResult>>.Rent();
        var result = operation.Begin();
        operation.Await(task);
        return result;
    }

    public static ValueTask<TResult> Of(Task<TResult> task)
    {
        if (task.IsCompleted) return new(task);
        var operation = Pool<RelayedOperation<TResult>>.Rent();
        var result = operation.Begin();
        operation.Await(task);
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<RelayedOperation<TResult>>.Return(this);
    }

    protected override void Continue()
    {
        TResult result;
        try
        {
            result = InnerResult();
        }
#pragma warning disable CA1031 // It goes to the caller.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ForgetInner();
            SetException(exception);
            return;
        }

        ForgetInner();
        SetResult(result);
    }
}
