using MlServe.Guests;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Guests;

public sealed class HostInstrumentsTests
{
    [Fact]
    public void For_ManyThreadsOfOneHost_GetOneSetThatIsMadeOnce()
    {
        using var meters = new FakeMeterFactory();
        var made = 0;
        var sets = new Set[64];
        Parallel.For(0, sets.Length, i => sets[i] = HostInstruments.For(GuardedMeter.For(meters), meter =>
        {
            Interlocked.Increment(ref made);
            return new Set(meter);
        }));
        Assert.Equal(1, made);
        Assert.All(sets, set => Assert.Same(sets[0], set));
    }

    [Fact]
    public void For_TwoHostsAndTheProcess_HaveSetsOfTheirOwn()
    {
        using var first = new FakeMeterFactory();
        using var second = new FakeMeterFactory();
        GuardedMeter[] hosts = [GuardedMeter.For(first), GuardedMeter.For(second), GuardedMeter.For(null)];
        var sets = hosts.Select(static host => HostInstruments.For(host, static meter => new Set(meter))).ToList();
        Assert.Equal(3, sets.Distinct().Count());
        Assert.Equal(hosts, sets.Select(static set => set.Meter));
    }

    [Fact]
    public void For_TwoKinds_AreKeptApart()
    {
        using var meters = new FakeMeterFactory();
        var host = GuardedMeter.For(meters);
        Assert.Same(host, HostInstruments.For(host, static meter => new Set(meter)).Meter);
        Assert.Equal("other", HostInstruments.For(host, static _ => new Other("other")).Name);
    }

    private sealed class Set(GuardedMeter meter)
    {
        public GuardedMeter Meter => meter;
    }

    private sealed class Other(string name)
    {
        public string Name => name;
    }
}
