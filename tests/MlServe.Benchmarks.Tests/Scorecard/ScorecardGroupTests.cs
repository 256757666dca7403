using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Scorecard;

public sealed class ScorecardGroupTests
{
    private static readonly Claim First = Claim.AtMost("room.first", "ns", 10);
    private static readonly Claim Second = Claim.AtMost("room.second", "ns", 10);

    [Theory]
    [InlineData("", true)]
    [InlineData("room", true)]
    [InlineData("room.s", true)]
    [InlineData("room.second", true)]
    [InlineData("room.second.x", false)]
    [InlineData("oom", false)]
    [InlineData("Room", false)]
    public void Matches_Only_IsTheBeginningOfAName(string only, bool expected) =>
        Assert.Equal(expected, new ScorecardGroup([First, Second], static _ => []).Matches(only));

    [Fact]
    public void Run_Only_LeavesOutTheOtherRowsOfTheGroup()
    {
        var group = new ScorecardGroup([First, Second], static windows => [First.Row(windows, ""), Second.Row(windows, "")]);

        var row = Assert.Single(group.Run(15, "room.second", static exception => throw exception));

        Assert.Equal((Second, 15), (row.Claim, row.Value));
    }

    [Fact]
    public void Run_Throws_KeepsWhatWasMeasuredAndSaysWhyTheRestIsNot()
    {
        var told = default(Exception);

        ScorecardRow[] rows = [.. new ScorecardGroup([First, Second], static _ => Break()).Run(15, "", exception => told = exception)];

        Assert.Equal([First, Second], rows.Select(static row => row.Claim));
        Assert.Equal(Verdict.Met, rows[0].Verdict);
        Assert.Equal(
            (Verdict.NotAvailable, "failed: InvalidOperationException: The peer answers otherwise."), (rows[1].Verdict, rows[1].Note));
        Assert.IsType<InvalidOperationException>(told);

        static IEnumerable<ScorecardRow> Break()
        {
            yield return First.Row(5, "");
            throw new InvalidOperationException("The peer answers otherwise.");
        }
    }

    [Fact]
    public void All_Claims_AreNamedOnceAndNoneIsWithoutAGroup()
    {
        Assert.Equal(
            ScorecardGroups.Claims.Select(static claim => claim.Name).Distinct(),
            ScorecardGroups.Claims.Select(static claim => claim.Name));
        Assert.Superset(
            new HashSet<string>
            {
                "direct.latency_vs_raw", "direct.bytes", "pipeline.overhead_ns", "pipeline.bytes", "pipeline.standard_pending_ns",
                "pipeline.standard_pending_bytes", "peers.mlnet.throughput.mlp", "peers.mlnet.latency.tiny",
                "peers.http_hop_us.tiny", "peers.http_hop_us.mlp", "peers.http_hop_us.cnn", "coldstart.first_vs_steady",
                "coldstart.ready_ms",
            },
            ScorecardGroups.Claims.Select(static claim => claim.Name).ToHashSet());
    }
}
