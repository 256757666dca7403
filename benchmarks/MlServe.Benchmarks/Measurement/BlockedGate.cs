namespace MlServe.Benchmarks.Measurement;

/// <summary>Keeps a place of a gate busy: a model whose run does not end until this is disposed.</summary>
internal sealed class BlockedGate : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly RunGate _gate;
    private bool _isDisposed;

    public BlockedGate(RunGate gate)
    {
        _gate = gate;

        // Requests that were given up may still stand in line, and be let in to leave.
        if (!SpinWait.SpinUntil(gate.TryEnter, Patience))
            throw new InvalidOperationException($"The gate was busy for {Patience.TotalSeconds:0} s.");
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _gate.Exit();
    }
}
