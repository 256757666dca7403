using System.Runtime.InteropServices;

namespace MlServe.Batching;

/// <summary>
/// Tells whether a call may run on its caller's thread: if it is alone, and has been for a while. A caller that fans out from one thread
/// looks alone at each call as long as each is answered at once. So now and then a call is queued, and a call that comes while it is
/// pending tells that there is a crowd.
/// </summary>
internal sealed class LoneCaller
{
    /// <summary>Calls in a row without company after which a caller counts as alone.</summary>
    private const int AloneAfter = 8;

    /// <summary>
    /// After so many lone calls one is queued all the same. As long as nobody follows, the number doubles until the next, up to a bound. A
    /// caller that is always alone hardly pays for it, and one that was in company a moment ago is soon found out.
    /// </summary>
    private const int FirstProbe = 64;
    private const int LargestProbeInterval = 4096;

    private PaddedCounts _counts = new() { NextProbe = FirstProbe, ProbeInterval = FirstProbe };

    /// <summary>Counts a call.</summary>
    /// <param name="inFlight">Requests that are not answered, this one among them.</param>
    public bool IsAlone(int inFlight)
    {
        if (inFlight > 1)
        {
            if (_counts.LoneCalls != 0) (_counts.LoneCalls, _counts.NextProbe, _counts.ProbeInterval) = (0, FirstProbe, FirstProbe);
            return false;
        }

        var lone = ++_counts.LoneCalls;
        if (lone <= AloneAfter) return false;
        if (lone < _counts.NextProbe) return true;

        // Counted from here on, so that the count stays small.
        _counts.ProbeInterval = Math.Clamp(_counts.ProbeInterval * 2, FirstProbe, LargestProbeInterval);
        (_counts.LoneCalls, _counts.NextProbe) = (AloneAfter, AloneAfter + _counts.ProbeInterval);
        return false;
    }

    /// <summary>Written by callers on all cores, without a lock: a lost update only delays a change of mind.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct PaddedCounts
    {
        [FieldOffset(64)]
        public int LoneCalls;

        [FieldOffset(68)]
        public int NextProbe;

        [FieldOffset(72)]
        public int ProbeInterval;
    }
}
