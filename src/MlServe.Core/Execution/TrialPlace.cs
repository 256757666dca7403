using MlServe.Threading;

namespace MlServe;

/// <summary>
/// A place in the gate for a run of a model that nobody knows yet. It is waited for like any other, and given back after a while whether
/// the run has ended or not. So a run that never ends cannot keep requests of other models from running.
/// </summary>
internal sealed class TrialPlace : IGateWaiter, IDisposable
{
    /// <summary>After which the place is given back.</summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    private const int Waiting = 0;
    private const int Held = 1;
    private const int Left = 2;

    private readonly RunGate _gate;
    private readonly ManualResetEventSlim _entered = new();
    private ITimer? _timer;
    private int _state;
    private int _isBack;

    private TrialPlace(RunGate gate) => _gate = gate;

    public long Charge { get; set; }

    bool IGateWaiter.HasLeft => Volatile.Read(ref _state) == Left;

    /// <summary>Waits for a place; to be disposed when the run is over.</summary>
    /// <exception cref="OperationCanceledException">The waiting was given up.</exception>
    public static TrialPlace Take(RunGate gate, TimeProvider time, CancellationToken cancellationToken)
    {
        var place = new TrialPlace(gate);
        if (gate.TryEnter()) place._state = Held;
        else place.Wait(cancellationToken);
        try
        {
            place._timer = time.CreateDeadlineTimer(static place => ((TrialPlace)place!).GiveBack(), place);
            place._timer.Change(Longest, Timeout.InfiniteTimeSpan);
        }
        catch
        {
            place.GiveBack();
            throw;
        }

        return place;
    }

    void IGateWaiter.Enter()
    {
        if (Interlocked.CompareExchange(ref _state, Held, Waiting) == Waiting) _entered.Set();
        else _gate.Exit();
    }

    public void Dispose()
    {
        _timer?.Dispose();
        GiveBack();
    }

    private void Wait(CancellationToken cancellationToken)
    {
        _gate.Enqueue(this);
        try
        {
            _entered.Wait(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            if (Interlocked.CompareExchange(ref _state, Left, Waiting) == Waiting) _gate.Leave();
            else GiveBack();
            throw;
        }
    }

    private void GiveBack()
    {
        if (Interlocked.Exchange(ref _isBack, 1) == 0) _gate.Exit();
    }
}
