namespace MlServe.Onnx;

/// <summary>
/// A call that may not come back, into the native runtime above all. It has a thread of its own. If it was told to stop and does not, it is
/// given up. Code that waits for it goes on, and a late result is thrown away.
/// </summary>
internal sealed class BoundedCall<T> : IDisposable
{
    /// <summary>How long a call that was told to stop may take to do so.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    // The runtime descends into nested graphs by recursion.
    private const int StackSize = 16 * 1024 * 1024;

    private const int Running = 0;
    private const int Over = 1;
    private const int GivenUp = 2;

    private readonly Func<CancellationToken, T> _call;
    private readonly Action<T> _discard;
    private readonly Action _returned;
    private readonly CancellationTokenSource _stop;
    private readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state = Running;

    /// <param name="call">The call; its token tells it to stop.</param>
    /// <param name="discard">Throws the result of a call away that was given up.</param>
    /// <param name="returned">Called when a call that was given up has returned, before its result is thrown away.</param>
    /// <param name="cancellationToken">Tells it to stop.</param>
    public BoundedCall(Func<CancellationToken, T> call, Action<T> discard, Action returned, CancellationToken cancellationToken)
    {
        _call = call;
        _discard = discard;
        _returned = returned;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <summary>Makes the call, and waits for its end or for that of the time it has once told to stop.</summary>
    /// <returns>False if it was given up.</returns>
    public async Task<(bool HasReturned, T Result)> RunAsync(string name, TimeProvider time)
    {
        // Without the context of whoever asked for it.
        new Thread(Run, StackSize) { IsBackground = true, Name = name }.UnsafeStart();
        await ((Task)_result.Task).WaitAsync(_stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_result.Task.IsCompleted)
            await ((Task)_result.Task)
                .WaitAsync(Grace, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Interlocked.CompareExchange(ref _state, GivenUp, Running) == Running) return (false, default!);
        return (true, await _result.Task.ConfigureAwait(false));
    }

    /// <summary>To be called when it has been waited for.</summary>
    public void Dispose()
    {
        // One that was given up may still look at its token.
        if (Volatile.Read(ref _state) == Over) _stop.Dispose();
    }

    private void Run()
    {
        T? result = default;
        Exception? failure = null;
        try
        {
            result = _call(_stop.Token);
        }
#pragma warning disable CA1031 // Goes to whoever waits; nobody else would see it, and it would end the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        if (Interlocked.CompareExchange(ref _state, Over, Running) == Running)
        {
            if (failure is null) _result.SetResult(result!);
            else _result.SetException(failure);
            return;
        }

        _stop.Dispose();
        try
        {
            _returned();
            if (failure is null) _discard(result!);
        }
#pragma warning disable CA1031 // Nobody waits for it any more.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }
}
