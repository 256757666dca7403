using System.Diagnostics;

namespace MlServe.Quantization.Evaluation;

/// <summary>The time that the whole of a quantization may take, from its first step on.</summary>
internal sealed class SearchClock(TimeSpan budget)
{
    // Looking at nodes one by one leaves time for what is made of it.
    private const double ShareToLook = 0.6;

    private readonly long _started = Stopwatch.GetTimestamp();

    /// <summary>Whether a look was cut short or a candidate not tried for want of time.</summary>
    public bool RanOut { get; private set; }

    public bool HasTime() => Has(budget);

    public bool HasTimeToLook() => Has(budget * ShareToLook);

    private bool Has(TimeSpan time)
    {
        var has = Stopwatch.GetElapsedTime(_started) < time;
        RanOut |= !has;
        return has;
    }
}
