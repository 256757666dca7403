namespace MlServe.Benchmarks.Measurement;

/// <summary>Keeps a gate of one place busy: a model whose run does not end until this is disposed.</summary>
internal sealed class BlockedGate : IDisposable
{
    private readonly RunGate _gate;
    private bool _isDisposed;

    public BlockedGate(RunGate gate)
    {
        _gate = gate;
        if (!gate.TryEnter()) throw new InvalidOperationException("The gate is already busy.");
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _gate.Exit();
    }
}
