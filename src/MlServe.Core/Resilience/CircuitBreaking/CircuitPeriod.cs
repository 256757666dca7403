namespace MlServe.Resilience;

/// <summary>
/// The time from one change of a circuit's state to the next. A call remembers the period in which it began. Its end counts only while that
/// lasts, so that a late failure from before an opening neither reopens nor counts.
/// </summary>
internal sealed class CircuitPeriod(CircuitState state)
{
    private readonly Lock _gate = new();
    private int _probes;
    private int _successes;
    private long _nextProbe;

    public CircuitState State { get; } = state;

    /// <summary>When the break is over, as a timestamp.</summary>
    public long Until { get; init; }

    /// <summary>How many breaks in a row.</summary>
    public int Breaks { get; init; }

    /// <summary>The error that refused requests get; made anew as the time that is left gets less.</summary>
    public Refusal? Refused { get; set; }

    /// <summary>
    /// Lets a request through to try the model, if fewer are under way than may be: one more than have succeeded. One that does not end
    /// must not keep the circuit open for ever, so another follows it after a while.
    /// </summary>
    /// <param name="needed">Trials that must succeed.</param>
    /// <param name="now">The moment, as a timestamp.</param>
    /// <param name="next">When the next may follow, no matter how this one ends.</param>
    public bool TryProbe(int needed, long now, long next)
    {
        lock (_gate)
        {
            if (_probes >= Math.Min(_successes + 1, needed - _successes) && now < _nextProbe) return false;
            _probes++;
            _nextProbe = next;
            return true;
        }
    }

    /// <summary>Takes a trial back that said nothing of the model.</summary>
    public void Forget()
    {
        lock (_gate) _probes--;
    }

    /// <summary>Counts a trial that succeeded.</summary>
    /// <returns>Whether enough have.</returns>
    public bool Succeeded(int needed)
    {
        lock (_gate)
        {
            _probes--;
            return ++_successes >= needed;
        }
    }

    /// <summary>An error and until when it holds.</summary>
    public sealed record Refusal(Prediction Answer, long FreshUntil);
}
