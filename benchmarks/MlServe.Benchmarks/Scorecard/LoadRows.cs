using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.Quantization;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// From the entry of a program to the first answer of each of its models, and the memory that takes, in fresh processes in turn with the
/// raw runtime's.
/// </summary>
internal static class LoadRows
{
    public static readonly Claim Digits = Claim.AtMost("load.first_answer_vs_raw.digits", "ratio", 2);
    public static readonly Claim DigitsBatching = Claim.AtMost("load.first_answer_vs_raw.digits_batching", "ratio", 2);
    public static readonly Claim ResNet = Claim.AtMost("load.first_answer_vs_raw.resnet", "ratio", 1.5);
    public static readonly Claim ResNetBatching = Claim.AtMost("load.first_answer_vs_raw.resnet_batching", "ratio", 2);
    public static readonly Claim ResNetPeak = Claim.AtMost("load.peak_vs_raw.resnet_batching", "ratio", 1.15);
    public static readonly Claim Mlp = Claim.AtMost("load.first_answer_vs_raw.mlp", "ratio", 1.4);
    public static readonly Claim MlpPeak = Claim.AtMost("load.peak_vs_raw.mlp", "ratio", 1.15);

    public static readonly Claim ResNetSeen = Claim.AtMost("load.seen_vs_raw.resnet", "ratio", 1.15);
    public static readonly Claim MlpSeen = Claim.AtMost("load.seen_vs_raw.mlp", "ratio", 1.15);

    private const int Processes = 5;

    private static readonly int[] MlpSizes = [4096, 4096, 4096, 4096, 4096, 4096, 4096];

    public static IEnumerable<ScorecardRow> MeasureDigits(int windows)
    {
        using var folder = ModelFolder.OfDigits();
        var (raw, bare, host, batching) = (Asked(), Asked(), Asked(), Asked());
        for (var i = 0; i < Processes; i++)
        {
            raw.Add(folder.Ask(LoadWay.Raw));
            bare.Add(folder.Ask(LoadWay.BareHost));
            host.Add(folder.Ask(LoadWay.Host));
            batching.Add(folder.Ask(LoadWay.Batching));
        }

        yield return Digits.Row(Beyond(host, bare, raw), Note("digits.onnx, the time beyond that of a host without models", host, raw));
        yield return DigitsBatching.Row(Beyond(batching, bare, raw), Note("the same behind UseBatching", batching, raw));
    }

    public static IEnumerable<ScorecardRow> MeasureResNet(int windows)
    {
        using var folder = new ModelFolder([ResNetModel.Create(1)]);
        folder.Ask(LoadWay.Seen);
        var (raw, host, batching, seen) = (Asked(), Asked(), Asked(), Asked());
        for (var i = 0; i < Processes; i++)
        {
            raw.Add(folder.Ask(LoadWay.Raw));
            host.Add(folder.Ask(LoadWay.Host));
            batching.Add(folder.Ask(LoadWay.Batching));
            seen.Add(folder.Ask(LoadWay.Seen));
        }

        yield return ResNetSeen.Row(Times(seen, raw), Note("the same when it was seen before, with a folder for it", seen, raw));
        yield return ResNet.Row(Times(host, raw), Note("ResNet-50-shaped, 97 MB", host, raw));
        yield return ResNetBatching.Row(Times(batching, raw), Note("the same behind UseBatching", batching, raw));
        yield return ResNetPeak.Row(Peaks(batching, raw), Note("the same", batching, raw));
    }

    public static IEnumerable<ScorecardRow> MeasureMlp(int windows)
    {
        using var folder = new ModelFolder([OnnxModel.Mlp(1, MlpSizes)]);
        folder.Ask(LoadWay.Seen);
        var (raw, host, seen) = (Asked(), Asked(), Asked());
        for (var i = 0; i < Processes; i++)
        {
            raw.Add(folder.Ask(LoadWay.Raw));
            host.Add(folder.Ask(LoadWay.Host));
            seen.Add(folder.Ask(LoadWay.Seen));
        }

        yield return MlpSeen.Row(Times(seen, raw), Note("the same when it was seen before, with a folder for it", seen, raw));
        yield return Mlp.Row(Times(host, raw), Note("MLP of 6 x 4096, 384 MB", host, raw));
        yield return MlpPeak.Row(Peaks(host, raw), Note("the same", host, raw));
    }

    /// <summary>Whether children run the images that packages carry.</summary>
    private static bool IsPrecompiled { get; } = PrecompiledCopy.AreThere;

    private static List<LoadResult> Asked() => [];

    public static MedianEstimate Times(List<LoadResult> ours, List<LoadResult> raw) =>
        MedianEstimate.Of([.. ours.Zip(raw, static (ours, raw) => ours.FirstMs / raw.FirstMs)]);

    private static MedianEstimate Beyond(List<LoadResult> ours, List<LoadResult> bare, List<LoadResult> raw) =>
        MedianEstimate.Of([.. ours.Select((result, i) => (result.FirstMs - bare[i].FirstMs) / raw[i].FirstMs)]);

    private static MedianEstimate Peaks(List<LoadResult> ours, List<LoadResult> raw) =>
        MedianEstimate.Of([.. ours.Zip(raw, static (ours, raw) => ours.PeakMiB / raw.PeakMiB)]);

    public static string Note(string what, List<LoadResult> ours, List<LoadResult> raw) => string.Create(
        CultureInfo.InvariantCulture,
        $"{what}; {ours.Count} fresh processes each, in turn; medians {Median(ours, static r => r.FirstMs):0} ms over "
            + $"{Median(raw, static r => r.FirstMs):0} ms, peak {Median(ours, static r => r.PeakMiB):0} MiB over "
            + $"{Median(raw, static r => r.PeakMiB):0} MiB, resident {Median(ours, static r => r.ResidentMiB):0} MiB over "
            + $"{Median(raw, static r => r.ResidentMiB):0} MiB; of the time {Median(ours, static r => r.CompilerMs):0} ms of the compiler "
            + $"over {Median(raw, static r => r.CompilerMs):0} ms, {(IsPrecompiled ? "with" : "WITHOUT")} precompiled images");

    private static double Median(List<LoadResult> results, Func<LoadResult, double> value) =>
        MedianEstimate.Of([.. results.Select(value)]).Median;
}
