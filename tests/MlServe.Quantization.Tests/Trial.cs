using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Calibration;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization;

/// <summary>Quantizes models of tests with few words, and runs them.</summary>
internal static class Trial
{
    public static QuantizationPlan Plan(CpuTarget target = CpuTarget.X86Vnni) =>
        new() { SourceDigest = "", Method = QuantizationMethod.Static, Target = target };

    public static ModelProto Read(byte[] model) => OnnxDocument.Read(new(model, "test")).Model;

    public static PredictionInputs Random(Random random, string name, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, static (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = (random.NextSingle() * 2) - 1;
        return PredictionInputs.Row(PredictionInput.Tensor(name, values, shape));
    }

    public static SampleSet Samples(byte[] model, IEnumerable<PredictionInputs> samples)
    {
        using var session = GraphSession.Open(model);
        return new(samples.ToAsyncEnumerable(), new(SignatureReader.Read(session.Session, OnnxInspector.Inspect(model))), int.MaxValue);
    }

    /// <summary>Samples of one input, uniform from -1 to 1.</summary>
    public static SampleSet RandomSamples(byte[] model, int count, params long[] shape) => Samples(model, RandomInputs(count, shape));

    public static IEnumerable<PredictionInputs> RandomInputs(int count, params long[] shape)
    {
        var random = new Random(7);
        for (var i = 0; i < count; i++)
            yield return Random(random, "x", shape);
    }

    public static async Task<QuantizationPlan> CalibrateAsync(
        byte[] model, QuantizationPlan plan, SampleSet samples, CalibrationSettings? settings = null)
    {
        var proto = Read(model);
        var result = await Calibrator.RunAsync(
            proto, StaticRewriter.TensorsToCalibrate(proto, plan), samples, settings ?? new(), CancellationToken.None);
        return plan with { Ranges = result.Ranges };
    }

    public static byte[] Rewrite(byte[] model, QuantizationPlan plan) => OnnxFile.ToBytes(StaticRewriter.Rewrite(Read(model), plan).Model);

    public static async Task<byte[]> QuantizeAsync(byte[] model, params long[] shape) =>
        Rewrite(model, await CalibrateAsync(model, Plan(), RandomSamples(model, 16, shape)));

    /// <summary>The first output of a model for its only input.</summary>
    public static float[] Run(byte[] model, float[] values, params long[] shape)
    {
        using var session = GraphSession.Open(model);
        using var input = OrtValue.CreateTensorValueFromMemory(values, shape);
        using var options = new RunOptions();
        using var outputs = session.Session.Run(options, [session.InputNames[0]], [input], [session.OutputNames[0]]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>The signal-to-noise ratio in decibels.</summary>
    public static double Snr(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        double signal = 0, noise = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            signal += (double)expected[i] * expected[i];
            noise += ((double)expected[i] - actual[i]) * ((double)expected[i] - actual[i]);
        }

        return 10 * Math.Log10(signal / noise);
    }

    public static float[] Values(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
    }
}
