using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Rows for people and for programs.</summary>
internal static class ScorecardText
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>A line of the table.</summary>
    /// <param name="row">The row.</param>
    /// <param name="nameWidth">Of the longest name that the table will have.</param>
    public static string Format(ScorecardRow row, int nameWidth) => string.Create(CultureInfo.InvariantCulture,
        $"{row.Claim.Name.PadRight(nameWidth)} {Number(row.Value),9} {row.Claim.Unit,-5} {(row.Claim.HigherIsBetter ? ">=" : "<=")} "
            + $"{row.Claim.Goal,-5:0.###} {Name(row.Verdict),-9} {Interval(row),-20} {row.Note}");

    /// <summary>What the table comes to.</summary>
    public static string Summarize(IReadOnlyCollection<ScorecardRow> rows, TimeSpan elapsed)
    {
        var counts = Enum.GetValues<Verdict>().Select(verdict => $"{rows.Count(row => row.Verdict == verdict)} {Name(verdict)}");
        return string.Create(CultureInfo.InvariantCulture, $"{rows.Count} rows: {string.Join(", ", counts)}; {elapsed.TotalSeconds:0} s");
    }

    public static string ToJson(IEnumerable<ScorecardRow> rows)
    {
        var array = new JsonArray();
        foreach (var row in rows)
        {
            array.Add((JsonNode)new JsonObject
            {
                ["name"] = row.Claim.Name,
                ["value"] = row.Value,
                ["unit"] = row.Claim.Unit,
                ["goal"] = row.Claim.Goal,
                ["better"] = row.Claim.HigherIsBetter ? "higher" : "lower",
                ["verdict"] = Name(row.Verdict),
                ["interval"] = row.Interval is { } interval ? new JsonArray(Finite(interval.Low), Finite(interval.High)) : null,
                ["note"] = row.Note,
            });
        }

        return array.ToJsonString(Indented) + Environment.NewLine;
    }

    public static string Name(Verdict verdict) => verdict switch
    {
        Verdict.Met => "met",
        Verdict.NotMet => "not met",
        Verdict.Undecided => "undecided",
        _ => "n/a",
    };

    // JSON has no infinity.
    private static JsonValue? Finite(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    private static string Number(double? value) => value?.ToString("0.###", CultureInfo.InvariantCulture) ?? "n/a";

    private static string Interval(ScorecardRow row) =>
        row.Interval is { } interval ? string.Create(CultureInfo.InvariantCulture, $"[{interval.Low:0.###}, {interval.High:0.###}]") : "";
}
