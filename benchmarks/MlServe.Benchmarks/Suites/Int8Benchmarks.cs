using BenchmarkDotNet.Attributes;
using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Quantization;
using MlServe.Quantization;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Suites;

/// <summary>
/// An MLP as FP32 and as INT8 with ranges from samples and with ranges taken at run time, all by the raw runtime on one thread.
/// </summary>
public class Int8Benchmarks
{
    private const int Calls = 64;

    private readonly float[] _answer = new float[1024];
    private RawSession _fp32 = null!;
    private RawSession _static = null!;
    private RawSession _dynamic = null!;
    private float[] _row = [];

    [GlobalSetup]
    public void Load()
    {
        long[] shape = [1, 1024];
        _row = RandomInputs.Values(1, shape);
        var source = OnnxModel.Mlp(1, 1024, 1024, 1024);
        _fp32 = Open(source);
        _static = Open(Int8Model.MakeUnjudged(source, "x", shape, QuantizationMethod.Static).Quantized);
        _dynamic = Open(Int8Model.MakeUnjudged(source, "x", shape, QuantizationMethod.Dynamic).Quantized);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "ONNX Runtime, FP32")]
    public void Fp32() => SampledCalls.Run(Calls, Run(_fp32));

    [Benchmark(OperationsPerInvoke = Calls, Description = "INT8, static")]
    public void Static() => SampledCalls.Run(Calls, Run(_static));

    [Benchmark(OperationsPerInvoke = Calls, Description = "INT8, dynamic")]
    public void Dynamic() => SampledCalls.Run(Calls, Run(_dynamic));

    [GlobalCleanup]
    public void Close()
    {
        _fp32.Dispose();
        _static.Dispose();
        _dynamic.Dispose();
    }

    private Action<int> Run(RawSession session) => calls => session.Run(calls, _row, _answer);

    private static RawSession Open(byte[] model) => new(model, "x", [1, 1024], "y", [1, 1024]);
}
