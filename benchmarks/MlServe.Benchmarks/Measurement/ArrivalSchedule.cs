namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// A Poisson process whose rate changes from phase to phase, fixed by its seed and made as it is read, so that a long run takes no memory.
/// The gap that is open at the end of a phase goes on at the next one's rate, as the process wants it.
/// </summary>
internal sealed class ArrivalSchedule(IReadOnlyList<RatePhase> phases, int seed)
{
    private readonly Random _random = new(seed);
    private long _index;
    private int _phase;
    private double _time;
    private double _end = phases.Count > 0 ? phases[0].Seconds : 0;

    public IReadOnlyList<RatePhase> Phases => phases;

    /// <summary>How long all phases last, in seconds.</summary>
    public double Seconds => phases.Sum(static phase => phase.Seconds);

    public bool TryNext(out Arrival arrival)
    {
        // Exponential with mean 1: the expected number of arrivals until the next.
        var distance = -Math.Log(1 - _random.NextDouble());
        while (_phase < phases.Count)
        {
            var rate = phases[_phase].Rate;
            if (rate > 0 && _time + (distance / rate) is var next && next < _end)
            {
                _time = next;
                arrival = new(_index++, phases[_phase].Group, (long)(next * 1e9), _phase);
                return true;
            }

            distance -= rate * (_end - _time);
            _time = _end;
            if (++_phase < phases.Count) _end += phases[_phase].Seconds;
        }

        arrival = default;
        return false;
    }
}
