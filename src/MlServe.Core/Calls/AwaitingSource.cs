using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe;

/// <summary>
/// A pooled object that awaits somebody else's value task and answers when that has ended. The task may come from a layer of the
/// application's. One that throws when it is awaited ends this request alone, and one that calls back twice, or too early, reaches nobody.
/// </summary>
/// <typeparam name="TInner">The type of the result that is awaited.</typeparam>
/// <typeparam name="TResult">The type of the result that the request waits for.</typeparam>
internal abstract class AwaitingSource<TInner, TResult> : PooledSource<TResult>
{
    private readonly Action _goOn;
    private ConfiguredValueTaskAwaitable<TInner>.ConfiguredValueTaskAwaiter _inner;
    private Exception? _failure;
    private int _turn;

    /// <summary>The turn that is awaited, or 0: the call that takes it away goes on.</summary>
    private int _awaited;

    protected AwaitingSource() => _goOn = GoOn;

    /// <summary>
    /// Goes on when the task has ended; here and now if it has. Afterwards the object may serve another request at any time.
    /// </summary>
    /// <param name="pending">The task.</param>
    protected void Await(ValueTask<TInner> pending)
    {
        var turn = 0;
        try
        {
            _inner = pending.ConfigureAwait(false).GetAwaiter();
            if (!_inner.IsCompleted)
            {
                turn = _turn = _turn == int.MaxValue ? 1 : _turn + 1;
                Volatile.Write(ref _awaited, turn);
                _inner.UnsafeOnCompleted(_goOn);
                return;
            }
        }
#pragma warning disable CA1031 // It goes to the caller, by InnerResult.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            // It may have called back all the same.
            if (turn != 0 && Interlocked.CompareExchange(ref _awaited, 0, turn) != turn)
            {
                GuestReports.OfProcess.Add(Guest.Layer, exception);
                return;
            }

            _failure = exception;
        }

        Continue();
    }

    /// <summary>
    /// Goes on when a task of this house has ended; here and now if it has, or does so meanwhile. In the latter case an ordinary await
    /// would go on on the pool, which may be blocked.
    /// </summary>
    /// <param name="pending">The task.</param>
    protected void Await(Task<TInner> pending)
    {
        _inner = new ValueTask<TInner>(pending).ConfigureAwait(false).GetAwaiter();
        if (_inner.IsCompleted)
        {
            Continue();
            return;
        }

        var turn = _turn = _turn == int.MaxValue ? 1 : _turn + 1;
        Volatile.Write(ref _awaited, turn);
        UrgentEnd.Of(pending).UnsafeOnCompleted(_goOn);
    }

    /// <summary>The task's result; throws the exception that the task threw.</summary>
    protected TInner InnerResult()
    {
        if (_failure is not null) ExceptionDispatchInfo.Throw(_failure);
        return _inner.GetResult();
    }

    /// <summary>Lets go of the task; before the result is set.</summary>
    protected void ForgetInner()
    {
        _inner = default;
        _failure = null;
    }

    /// <summary>Called once when the task has ended.</summary>
    protected abstract void Continue();

    private void GoOn()
    {
        var turn = Volatile.Read(ref _awaited);
        if (turn != 0 && _inner.IsCompleted && Interlocked.CompareExchange(ref _awaited, 0, turn) == turn) Continue();
    }
}
