using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Scorecard;
using MlServe.Onnx;
using MlServe.Quantization;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;

namespace MlServe.Benchmarks.Quantization;

/// <summary>Models that others quantized: how near to FP32 theirs answers, and ours.</summary>
internal static class PairRows
{
    public static readonly Claim[] Claims = [.. Pairs.SelectMany(static pair => new[] { Dynamic(pair), Static(pair) })];

    // Ranges are taken from other inputs than the answers are compared on.
    private const int CalibrationSeed = 1, ComparisonSeed = 2;
    private const int Samples = 64;

    private static string[] Pairs => ["mnist5x5", "tatva_nano"];

    public static IEnumerable<ScorecardRow> Measure(int windows) => Pairs.SelectMany(Measure);

    private static Claim Dynamic(string pair) => Claim.AtLeast($"int8.pairs.{pair}.dynamic", "dB", 0);

    private static Claim Static(string pair) => Claim.AtLeast($"int8.pairs.{pair}.static", "dB", 0);

    private static ScorecardRow[] Measure(string pair)
    {
        var (fp32, theirs) = (Find($"{pair}_fp32.onnx"), Find($"{pair}_int8_dyn.onnx"));
        if (fp32 is null || theirs is null)
            return [Dynamic(pair).NotAvailable($"there is no shared/data/models/quant-pairs/{pair}_*.onnx"),
                Static(pair).NotAvailable("as above")];
        return
        [
            Row(Dynamic(pair), fp32, theirs, QuantizationMethod.Dynamic),
            Row(Static(pair), fp32, theirs, QuantizationMethod.Static),
        ];
    }

    private static ScorecardRow Row(Claim claim, string fp32, string theirs, QuantizationMethod method)
    {
        try
        {
            var bytes = File.ReadAllBytes(fp32);
            var ours = Make(fp32, bytes, method);
            var (snrOfTheirs, snrOfOurs) = (Snr(fp32, bytes, File.ReadAllBytes(theirs)), Snr(fp32, bytes, ours.Quantized));
            return claim.Row(Math.Round(snrOfOurs - snrOfTheirs, 1), string.Create(
                CultureInfo.InvariantCulture,
                $"{snrOfOurs:0.0} dB against FP32, theirs {snrOfTheirs:0.0}, on {Samples} random inputs; {ours.Note}; "
                    + $"{ours.Quantized.Length / 1024.0:0} KB, theirs {new FileInfo(theirs).Length / 1024.0:0}"));
        }
        catch (QuantizationException exception)
        {
            return claim.NotAvailable($"{exception.Failure}: {exception.Message}");
        }
    }

    private static Int8Model Make(string fp32, byte[] bytes, QuantizationMethod method)
    {
        var options = new QuantizationOptions
        {
            Method = method,
            OnGateFailure = GateFailureAction.Throw,
            Gate = new()
            {
                MinSpeedup = 0,
                MinSpeed = 0,
                MaxSize = null,
                MinAgreement = null,
                MinNeighbors = null,
                MinRankCorrelation = null,
                MinSnrDb = null,
            },
            // Theirs has all of them in integers, however small.
            MinMultiplications = 0,
        };
        return Int8Model.Make(bytes, options.CalibrateWith(Inputs(fp32, CalibrationSeed)));
    }

    /// <summary>The least of the outputs.</summary>
    private static double Snr(string fp32, byte[] source, byte[] model)
    {
        using var predictor = OnnxPredictor.LoadAsync(ModelSource.FromBytes(source)).AsTask().GetAwaiter().GetResult();
        using var a = GraphSession.Open(source);
        using var b = GraphSession.Open(model);
        var samples = new SampleSet(Inputs(fp32, ComparisonSeed).ToAsyncEnumerable(), new(predictor.Signature), Samples);
        var metrics = a.OutputNames.ToDictionary(
            static name => name, static _ => new ChosenMetric(OutputMetric.Regression, "noise is what is compared"));
        var result = ModelComparison.RunAsync(a, b, samples.All(CancellationToken.None), metrics, CancellationToken.None)
            .GetAwaiter()
            .GetResult();
        return result.Outputs.Min(static output => output.SnrDb) ?? double.NaN;
    }

    private static IReadOnlyList<PredictionInputs> Inputs(string fp32, int seed) =>
        RandomSamples.ForAsync(fp32, Samples, seed, CancellationToken.None).GetAwaiter().GetResult();

    private static string? Find(string name) => SharedFolder.Find($"data/models/quant-pairs/{name}");
}
