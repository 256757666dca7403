using System.Text.Json.Nodes;
using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Scorecard;

public sealed class ScorecardTextTests
{
    private static readonly ScorecardRow[] Rows =
    [
        Claim.AtLeast("peers.fast", "ratio", 5).Row(new MedianEstimate(5.4, 5.2, 5.6), "512 callers"),
        Claim.AtMost("a", "B", 0).Row(24, "counted"),
        Claim.AtMost("b", "ratio", 1).Row(new MedianEstimate(0.9, 0.8, double.PositiveInfinity), ""),
        Claim.AtMost("c", "ms", 3).NotAvailable("no \"model\""),
    ];

    [Fact]
    public void ToJson_Rows_HaveTheAgreedFieldsInOrder()
    {
        var rows = JsonNode.Parse(ScorecardText.ToJson(Rows))!.AsArray();

        Assert.All(rows, static row => Assert.Equal(
            ["name", "value", "unit", "goal", "better", "verdict", "interval", "note"], row!.AsObject().Select(static field => field.Key)));
        Assert.Equal(
            ["""{"name":"peers.fast","value":5.4,"unit":"ratio","goal":5,"better":"higher","verdict":"met","interval":[5.2,5.6],"""
                + "\"note\":\"512 callers\"}",
             """{"name":"a","value":24,"unit":"B","goal":0,"better":"lower","verdict":"not met","interval":null,"note":"counted"}""",
             """{"name":"b","value":0.9,"unit":"ratio","goal":1,"better":"lower","verdict":"undecided","interval":[0.8,null],"note":""}"""],
            rows.Take(3).Select(static row => row!.ToJsonString()));
        Assert.Null(rows[3]!["value"]);
        Assert.Equal("n/a", (string?)rows[3]!["verdict"]);
        Assert.Equal("no \"model\"", (string?)rows[3]!["note"]);
    }

    [Fact]
    public void Format_AnyRow_BeginsItsColumnsWhereTheOthersDo()
    {
        string[] lines = [.. Rows.Select(static row => ScorecardText.Format(row, 10))];

        Assert.Equal("peers.fast       5.4 ratio >= 5     met       [5.2, 5.6]           512 callers", lines[0]);
        Assert.Equal("c                n/a ms    <= 3     n/a                            no \"model\"", lines[3]);
    }

    [Fact]
    public void Format_AllClaims_FitTheirColumns() => Assert.All(ScorecardGroups.Claims, static claim =>
    {
        Assert.InRange(claim.Unit.Length, 1, 5);
        Assert.InRange(claim.Goal.ToString("0.###", System.Globalization.CultureInfo.InvariantCulture).Length, 1, 5);
    });

    [Fact]
    public void Summarize_Rows_CountsEachVerdict() =>
        Assert.Equal("4 rows: 1 met, 1 not met, 1 undecided, 1 n/a; 62 s", ScorecardText.Summarize(Rows, TimeSpan.FromSeconds(61.7)));
}
