using MlServe.Threading;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// The time that the whole of a quantization may take, from its first step on. The search for the method that was asked for ends a little
/// before its end. The rest is kept for the last word on the fallback.
/// </summary>
internal sealed class SearchClock : IDisposable
{
    // Looking at nodes one by one leaves time for what is made of it.
    private const double ShareToLook = 0.6;

    // Kept back while nothing is known of how long the last word takes.
    private const double ShareKept = 0.2;
    private const double MostKept = 0.4;

    private static readonly TimeSpan MostKeptUnknown = TimeSpan.FromSeconds(5);

    // What timers take at most, 49 days: beyond it there is no end.
    private static readonly TimeSpan Endless = TimeSpan.FromMilliseconds(uint.MaxValue - 1L);

    private readonly TimeProvider _time;
    private readonly TimeSpan _budget;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _end = new();
    private readonly CancellationTokenSource _searchEnd = new();
    private readonly IDisposable? _endTimer;
    private IDisposable? _searchTimer;
    private readonly CancellationTokenSource _whole;
    private readonly CancellationTokenSource _search;
    private readonly long _started;
    private bool _isSearchOver;

    /// <param name="budget">How long it may take, above 0.</param>
    /// <param name="caller">The caller's wish to give up.</param>
    /// <param name="time">The clock; null: the system's.</param>
    public SearchClock(TimeSpan budget, CancellationToken caller, TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        _budget = budget;
        _caller = caller;
        _started = _time.GetTimestamp();
        var kept = budget * ShareKept;
        _endTimer = CancelAfter(_end, budget);
        _searchTimer = CancelAfter(_searchEnd, budget - (kept < MostKeptUnknown ? kept : MostKeptUnknown));
        _whole = CancellationTokenSource.CreateLinkedTokenSource(caller, _end.Token);
        _search = CancellationTokenSource.CreateLinkedTokenSource(caller, _end.Token, _searchEnd.Token);
    }

    /// <summary>Cancelled by the caller, and when the time for the current work is over.</summary>
    public CancellationToken Token => _isSearchOver ? _whole.Token : _search.Token;

    /// <summary>Whether something was cut short or not tried for want of time.</summary>
    public bool RanOut { get; private set; }

    public TimeSpan Elapsed => _time.GetElapsedTime(_started);

    /// <summary>The rest of the whole time; 0 if it is over.</summary>
    public TimeSpan Left => _budget > Elapsed ? _budget - Elapsed : TimeSpan.Zero;

    public bool HasTime() => Has(_budget);

    public bool HasTimeToLook() => Has(_budget * ShareToLook);

    /// <summary>Whether it was the time, and not the caller, that ended the current work; it is remembered.</summary>
    public bool Ended()
    {
        if (_caller.IsCancellationRequested || !Token.IsCancellationRequested) return false;
        RanOut = true;
        return true;
    }

    /// <summary>Keeps time back for the last word on the fallback.</summary>
    public void Keep(TimeSpan time)
    {
        var most = _budget * MostKept;
        var end = _budget - (time < most ? time : most) - Elapsed;
        _searchTimer?.Dispose();
        _searchTimer = CancelAfter(_searchEnd, end > TimeSpan.Zero ? end : TimeSpan.Zero);
    }

    /// <summary>From here on the time that was kept back may be used.</summary>
    public void EndSearch() => _isSearchOver = true;

    /// <summary>A share of the time that is left, for one stage.</summary>
    public TimeSpan Part(double share) => Left * share;

    /// <returns>Whether a stage that begins now, and gets a share of the time that is left, has time for more.</returns>
    public Func<bool> HasPart(double share)
    {
        var end = Elapsed + Part(share);
        return () => Elapsed < end;
    }

    public void Dispose()
    {
        _endTimer?.Dispose();
        _searchTimer?.Dispose();
        _search.Dispose();
        _whole.Dispose();
        _searchEnd.Dispose();
        _end.Dispose();
    }

    private bool Has(TimeSpan time)
    {
        var has = Elapsed < time && !_searchEnd.IsCancellationRequested;
        RanOut |= !has;
        return has;
    }

    /// <summary>Sources of samples and measures are the application's, and may throw from what they have registered.</summary>
    private IDisposable? CancelAfter(CancellationTokenSource source, TimeSpan time) =>
        _budget < Endless ? UrgentCancel.After(source, time, _time) : null;
}
