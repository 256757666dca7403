using System.Globalization;
using System.Text;
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
    public static readonly Claim ManyTime = Claim.AtMost("scale.models_200.time_vs_raw", "ratio", 2);
    public static readonly Claim ManyMemory = Claim.AtMost("scale.models_200.resident_vs_raw", "ratio", 1.3);

    private const int Processes = 5;
    private const int Models = 200;

    /// <summary>The tag of a model's <c>doc_string</c>: copies with another text are other models.</summary>
    private const byte DocString = 0x32;

    private static readonly int[] MlpSizes = [4096, 4096, 4096, 4096, 4096, 4096, 4096];

    public static IEnumerable<ScorecardRow> MeasureDigits(int windows)
    {
        using var folder = new ModelFolder([File.ReadAllBytes(DigitsPath)]);
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
        var (raw, host, batching) = (Asked(), Asked(), Asked());
        for (var i = 0; i < Processes; i++)
        {
            raw.Add(folder.Ask(LoadWay.Raw));
            host.Add(folder.Ask(LoadWay.Host));
            batching.Add(folder.Ask(LoadWay.Batching));
        }

        yield return ResNet.Row(Times(host, raw), Note("ResNet-50-shaped, 97 MB", host, raw));
        yield return ResNetBatching.Row(Times(batching, raw), Note("the same behind UseBatching", batching, raw));
        yield return ResNetPeak.Row(Peaks(batching, raw), Note("the same", batching, raw));
    }

    public static IEnumerable<ScorecardRow> MeasureMlp(int windows)
    {
        using var folder = new ModelFolder([OnnxModel.Mlp(1, MlpSizes)]);
        var (raw, host) = (Asked(), Asked());
        for (var i = 0; i < Processes; i++)
        {
            raw.Add(folder.Ask(LoadWay.Raw));
            host.Add(folder.Ask(LoadWay.Host));
        }

        yield return Mlp.Row(Times(host, raw), Note("MLP of 6 x 4096, 384 MB", host, raw));
        yield return MlpPeak.Row(Peaks(host, raw), Note("the same", host, raw));
    }

    public static IEnumerable<ScorecardRow> MeasureMany(int windows)
    {
        var digits = File.ReadAllBytes(DigitsPath);
        using var folder = new ModelFolder(Enumerable.Range(0, Models).Select(i =>
        {
            var text = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"copy {i}"));
            return (byte[])[.. digits, DocString, (byte)text.Length, .. text];
        }));
        var (raw, standard) = (Asked(), Asked());
        for (var i = 0; i < Processes; i++)
        {
            raw.Add(folder.Ask(LoadWay.Raw));
            standard.Add(folder.Ask(LoadWay.Standard));
        }

        yield return ManyTime.Row(
            Times(standard, raw),
            Note($"{Models} models of 0.4 MB in standard pipelines and one arena (ShareArena), each asked once", standard, raw));
        yield return ManyMemory.Row(
            MedianEstimate.Of([.. standard.Zip(raw, static (ours, theirs) => ours.ResidentMiB / theirs.ResidentMiB)]),
            Note("the same, the working set after a collection", standard, raw));
    }

    /// <summary>Whether children run the images that packages carry.</summary>
    private static bool IsPrecompiled { get; } = PrecompiledCopy.AreThere;

    private static string DigitsPath => Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx");

    private static List<LoadResult> Asked() => [];

    private static MedianEstimate Times(List<LoadResult> ours, List<LoadResult> raw) =>
        MedianEstimate.Of([.. ours.Zip(raw, static (ours, raw) => ours.FirstMs / raw.FirstMs)]);

    private static MedianEstimate Beyond(List<LoadResult> ours, List<LoadResult> bare, List<LoadResult> raw) =>
        MedianEstimate.Of([.. ours.Select((result, i) => (result.FirstMs - bare[i].FirstMs) / raw[i].FirstMs)]);

    private static MedianEstimate Peaks(List<LoadResult> ours, List<LoadResult> raw) =>
        MedianEstimate.Of([.. ours.Zip(raw, static (ours, raw) => ours.PeakMiB / raw.PeakMiB)]);

    private static string Note(string what, List<LoadResult> ours, List<LoadResult> raw) => string.Create(
        CultureInfo.InvariantCulture,
        $"{what}; {ours.Count} fresh processes each, in turn; medians {Median(ours, static r => r.FirstMs):0} ms over "
            + $"{Median(raw, static r => r.FirstMs):0} ms, peak {Median(ours, static r => r.PeakMiB):0} MiB over "
            + $"{Median(raw, static r => r.PeakMiB):0} MiB, resident {Median(ours, static r => r.ResidentMiB):0} MiB over "
            + $"{Median(raw, static r => r.ResidentMiB):0} MiB; of the time {Median(ours, static r => r.CompilerMs):0} ms of the compiler "
            + $"over {Median(raw, static r => r.CompilerMs):0} ms, {(IsPrecompiled ? "with" : "WITHOUT")} precompiled images");

    private static double Median(List<LoadResult> results, Func<LoadResult, double> value) =>
        MedianEstimate.Of([.. results.Select(value)]).Median;

    /// <summary>Models in files, for children to load.</summary>
    private sealed class ModelFolder : IDisposable
    {
        private readonly PrecompiledCopy _program = PrecompiledCopy.Make();
        private readonly string _path = Directory.CreateTempSubdirectory("mlserve-load-").FullName;
        private readonly int _count;

        public ModelFolder(IEnumerable<byte[]> models)
        {
            foreach (var model in models)
                File.WriteAllBytes(Path.Combine(_path, string.Create(CultureInfo.InvariantCulture, $"m{_count++:0000}.onnx")), model);
        }

        public LoadResult Ask(LoadWay way)
        {
            var result = OwnProcess.Ask<LoadResult>(_program, LoadChild.Command, way.ToString(), _path);
            return result.Answered == _count || way == LoadWay.BareHost
                ? result
                : throw new InvalidOperationException($"Only {result.Answered} of {_count} models answered ({way}).");
        }

        public void Dispose()
        {
            _program.Dispose();
            Directory.Delete(_path, recursive: true);
        }
    }
}
