using System.Globalization;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Many models in one host, and how time and memory grow with their number, in fresh processes.</summary>
internal static class ScaleRows
{
    public static readonly Claim Time = Claim.AtMost("scale.models_200.time_vs_raw", "ratio", 2);
    public static readonly Claim Memory = Claim.AtMost("scale.models_200.resident_vs_raw", "ratio", 1.3);
    public static readonly Claim TimeGrowth = Claim.AtMost("scale.growth.time", "ratio", 1.1);
    public static readonly Claim MemoryGrowth = Claim.AtMost("scale.growth.resident", "ratio", 1.1);

    private const int Processes = 5;
    private const int Models = 200;

    /// <summary>Pairs of processes, of which the larger takes as long as all others together.</summary>
    private const int GrowthPairs = 3;

    private const int Few = 100;
    private const int Many = 1000;

    public static IEnumerable<ScorecardRow> MeasureMany(int windows)
    {
        using var folder = ModelFolder.OfDigits(Models);
        var (raw, standard) = (new List<LoadResult>(), new List<LoadResult>());
        for (var i = 0; i < Processes; i++)
        {
            raw.Add(folder.Ask(LoadWay.Raw));
            standard.Add(folder.Ask(LoadWay.Standard));
        }

        yield return Time.Row(
            LoadRows.Times(standard, raw),
            LoadRows.Note($"{Models} models of 0.4 MB in standard pipelines, each asked once", standard, raw));
        yield return Memory.Row(
            MedianEstimate.Of([.. standard.Zip(raw, static (ours, theirs) => ours.ResidentMiB / theirs.ResidentMiB)]),
            LoadRows.Note("the same, the working set after a collection", standard, raw));
    }

    public static IEnumerable<ScorecardRow> MeasureGrowth(int windows)
    {
        using var few = ModelFolder.OfDigits(Few);
        using var many = ModelFolder.OfDigits(Many);
        var (ofFew, ofMany, times, memory) = (new List<LoadResult>(), new List<LoadResult>(), new List<double>(), new List<double>());
        for (var i = 0; i < GrowthPairs; i++)
        {
            // What a host takes with few models is no part of what a model adds.
            using var one = ModelFolder.OfDigits();
            var alone = one.Ask(LoadWay.Standard);
            ofFew.Add(few.Ask(LoadWay.Standard));
            ofMany.Add(many.Ask(LoadWay.Standard));
            times.Add(Added(ofMany[^1].FirstMs, alone.FirstMs, Many) / Added(ofFew[^1].FirstMs, alone.FirstMs, Few));
            memory.Add(Added(ofMany[^1].ResidentMiB, alone.ResidentMiB, Many) / Added(ofFew[^1].ResidentMiB, alone.ResidentMiB, Few));
        }

        yield return TimeGrowth.Row(MedianEstimate.Of([.. times]), Growth(ofMany, ofFew, "time that a model adds"));
        yield return MemoryGrowth.Row(MedianEstimate.Of([.. memory]), Growth(ofMany, ofFew, "memory that a model adds"));
    }

    private static double Added(double all, double alone, int models) => (all - alone) / (models - 1);

    private static string Growth(List<LoadResult> many, List<LoadResult> few, string what) => string.Create(
        CultureInfo.InvariantCulture,
        $"{what} in a host of {Many} over one of {Few}, standard pipelines, {GrowthPairs} pairs of fresh processes; the last: "
            + $"{many[^1].FirstMs:0} ms and {many[^1].ResidentMiB:0} MiB, {few[^1].FirstMs:0} ms and {few[^1].ResidentMiB:0} MiB");
}
