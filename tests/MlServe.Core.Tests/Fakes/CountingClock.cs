namespace MlServe.Tests.Fakes;

/// <summary>A clock that moves on by a second each time it is read.</summary>
internal sealed class CountingClock : TimeProvider
{
    public int Reads { get; private set; }

    public override long TimestampFrequency => 1;

    public override long GetTimestamp() => ++Reads;
}
