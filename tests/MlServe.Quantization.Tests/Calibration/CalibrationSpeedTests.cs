using System.Diagnostics;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Calibration;

/// <summary>Figures for a person, run by hand on a quiet machine: <c>-explicit only -class '*CalibrationSpeedTests'</c>.</summary>
public class CalibrationSpeedTests(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public async Task TimeAndMemory()
    {
        var model = ResNetModel.Create(1, size: 160, width: 20);
        output.WriteLine($"model {model.Length / 1e6:F1} MB");
        foreach (var (method, count) in new[] { (CalibrationMethod.MinMax, 16), (CalibrationMethod.MinMax, 64),
            (CalibrationMethod.MinMax, 1024), (CalibrationMethod.Entropy, 64) })
        {
            var before = PeakMegabytes();
            var watch = Stopwatch.StartNew();
            await Trial.CalibrateAsync(model, Trial.Plan(), Trial.RandomSamples(model, count, 1, 3, 160, 160), new() { Method = method });
            output.WriteLine(
                $"{method}, {count} samples (3 of 4 calibrate): {watch.ElapsedMilliseconds} ms, peak {before} -> {PeakMegabytes()} MB");
        }
    }

    [Fact(Explicit = true)]
    public async Task Corrections()
    {
        var bytes = await File.ReadAllBytesAsync(
            SharedData.PathOf("models/image/st_mobilenetv2_035_128_flowers.onnx"), TestContext.Current.CancellationToken);
        var model = Preprocessor.Run(Trial.Read(bytes), new()).Model;
        var plain = OnnxFile.ToBytes(model);
        using var session = GraphSession.Open(plain);
        var signature = SignatureReader.Read(session.Session, OnnxInspector.Inspect(plain));
        SampleSet samples = new(
            SyntheticSamples.For(signature, session, CancellationToken.None).ToAsyncEnumerable(), new(signature), int.MaxValue);
        foreach (var method in Enum.GetValues<CalibrationMethod>())
        {
            var plan = await Trial.CalibrateAsync(plain, Trial.Plan(), samples, new() { Method = method });
            output.WriteLine($"{method}: {await SnrAsync(session, model, plan, samples):F1} dB");
            if (method != CalibrationMethod.MinMax) continue;
            var analytic = await BiasCorrection.ComputeAsync(model, plan, samples, CancellationToken.None);
            output.WriteLine(
                $"{method}, biases corrected: {await SnrAsync(session, model, plan with { BiasCorrections = analytic }, samples):F1} dB");
            var watch = Stopwatch.StartNew();
            var sequential = await BiasCorrection.ComputeSequentiallyAsync(model, plan, samples, CancellationToken.None);
            output.WriteLine(
                $"{method}, in sequence ({watch.ElapsedMilliseconds} ms): "
                + $"{await SnrAsync(session, model, plan with { BiasCorrections = sequential }, samples):F1} dB");
        }
    }

    private static async Task<double> SnrAsync(GraphSession session, Proto.ModelProto model, QuantizationPlan plan, SampleSet samples)
    {
        using var quantized = GraphSession.Open(OnnxFile.ToBytes(StaticRewriter.Rewrite(model, plan).Model));
        var (wanted, found) = (new List<float>(), new List<float>());
        await foreach (var sample in samples.HeldBack(CancellationToken.None))
        {
            using var expected = session.Run(sample, [session.OutputNames[0]]);
            using var actual = quantized.Run(sample, [session.OutputNames[0]]);
            wanted.AddRange(expected[0].GetTensorDataAsSpan<float>());
            found.AddRange(actual[0].GetTensorDataAsSpan<float>());
        }

        return Trial.Snr(wanted.ToArray(), found.ToArray());
    }

    private static long PeakMegabytes() => File.Exists("/proc/self/status")
        ? long.Parse(
            File.ReadLines("/proc/self/status")
                .First(static line => line.StartsWith("VmHWM", StringComparison.Ordinal))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], null) / 1024
        : 0;
}
