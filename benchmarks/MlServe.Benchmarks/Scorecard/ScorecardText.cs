using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Rows for people and for programs.</summary>
internal static class ScorecardText
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string Format(ScorecardRow row) => string.Create(CultureInfo.InvariantCulture,
        $"{row.Name,-32} {Number(row.Value),9} {row.Unit,-6} {(row.HigherIsBetter ? ">=" : "<=")} {row.Goal,-8:0.###} {Name(row.Verdict),-10} {Interval(row),-16} {row.Note}");

    public static string ToJson(IEnumerable<ScorecardRow> rows)
    {
        var array = new JsonArray();
        foreach (var row in rows)
        {
            array.Add((JsonNode)new JsonObject
            {
                ["name"] = row.Name,
                ["value"] = row.Value,
                ["unit"] = row.Unit,
                ["goal"] = row.Goal,
                ["better"] = row.HigherIsBetter ? "higher" : "lower",
                ["verdict"] = Name(row.Verdict),
                ["interval"] = row.Interval is { } interval ? new JsonArray(interval.Low, interval.High) : null,
                ["note"] = row.Note,
            });
        }

        return array.ToJsonString(Indented) + Environment.NewLine;
    }

    private static string Name(Verdict verdict) => verdict switch
    {
        Verdict.Met => "met",
        Verdict.NotMet => "not met",
        Verdict.Undecided => "undecided",
        _ => "n/a",
    };

    private static string Number(double? value) => value?.ToString("0.###", CultureInfo.InvariantCulture) ?? "-";

    private static string Interval(ScorecardRow row) =>
        row.Interval is { } interval ? string.Create(CultureInfo.InvariantCulture, $"[{interval.Low:0.###}, {interval.High:0.###}]") : "";
}
