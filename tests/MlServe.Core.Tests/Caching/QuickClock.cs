namespace MlServe.Tests.Caching;

/// <summary>The system's clock, on which pauses pass faster: timestamps run ahead, timers do not.</summary>
internal sealed class QuickClock : TimeProvider
{
    private const int Factor = 50;

    private readonly long _start = System.GetTimestamp();

    public override long GetTimestamp() => _start + ((System.GetTimestamp() - _start) * Factor);
}
