using MlServe.Benchmarks.Measurement;
using MlServe.Quantization;

namespace MlServe.Benchmarks.Quantization;

/// <summary>A model and what the library made of it.</summary>
internal sealed record Int8Model(byte[] Source, byte[] Quantized, QuantizationReport Report)
{
    /// <summary>The least signal over noise of the outputs, in decibels.</summary>
    public double SnrDb => Report.Outputs.Min(static output => output.SnrDb) ?? double.NaN;

    public double SizeRatio => (double)Quantized.Length / Source.Length;

    public string Note =>
        $"{Report.Method}, {Report.Nodes.Count(static node => node.IsQuantized)} nodes "
        + $"quantized{(Report.FallbackReason is { } reason ? $"; fell back: {reason}" : "")}";

    public static Int8Model Make(byte[] source, QuantizationOptions options)
    {
        using var from = new TemporaryFile(source);
        using var to = new TemporaryFile([]);
        var report = OnnxQuantizer.QuantizeAsync(from.Path, to.Path, options).GetAwaiter().GetResult();
        return new(source, File.ReadAllBytes(to.Path), report);
    }

    /// <summary>Quantizes for speed: whatever comes out is measured, not judged.</summary>
    public static Int8Model MakeUnjudged(byte[] source, string input, long[] shape, QuantizationMethod? method = null)
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
        };
        return Make(source, method == QuantizationMethod.Dynamic ? options : options.CalibrateWith(RandomInputs.Make(16, input, shape)));
    }

    /// <summary>FP32 time over quantized time, in turns, one thread.</summary>
    public MedianEstimate Speed(int windows, string input, long[] inputShape, string output, long[] outputShape, float[]? row = null)
    {
        row ??= RandomInputs.Values(3, inputShape);
        var answer = new float[outputShape.Aggregate(1L, static (product, size) => product * size)];
        using var fp32 = new RawSession(Source, input, inputShape, output, outputShape);
        using var int8 = new RawSession(Quantized, input, inputShape, output, outputShape);
        return PairedWindows.Ratio(windows, calls => fp32.Run(calls, row, answer), calls => int8.Run(calls, row, answer));
    }
}
