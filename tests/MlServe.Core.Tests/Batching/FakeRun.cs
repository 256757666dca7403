namespace MlServe.Tests.Batching;

/// <summary>A run that goes on until the test lets it end.</summary>
#pragma warning disable CA1001 // The event makes no handle.
internal sealed class FakeRun(long[] rows, CancellationToken cancellationToken)
{
    private readonly ManualResetEventSlim _end = new();

    public long[] Rows { get; } = rows;

    public CancellationToken CancellationToken { get; } = cancellationToken;

    public Thread? Thread { get; private set; }

    public void Finish() => _end.Set();

    public void Wait()
    {
        Thread = Thread.CurrentThread;
        _end.Wait(CancellationToken);
    }
}
