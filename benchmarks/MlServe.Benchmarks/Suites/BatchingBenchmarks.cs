using BenchmarkDotNet.Attributes;
using MlServe.Benchmarking;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Suites;

/// <summary>Callers that wait for their answers: the raw runtime row by row against UseBatching.</summary>
public class BatchingBenchmarks
{
    private const int Calls = 8192;

    private RawCallers _raw = null!;
    private BatchedModel _batched = null!;
    private ClosedLoop _loop = null!;

    [Params(SuiteModel.Tiny, SuiteModel.Mlp, SuiteModel.Digits)]
    public string Model { get; set; } = SuiteModel.Tiny;

    [Params(1, 8, 64, 512)]
    public int Concurrency { get; set; }

    [GlobalSetup(Target = nameof(Raw))]
    public void LoadRaw()
    {
        var model = SuiteModel.Find(Model);
        _raw = new(model.Bytes, model.Shape, Concurrency, CallLatency.RecordSince);
    }

    [GlobalSetup(Target = nameof(Batched))]
    public void LoadBatched()
    {
        var model = SuiteModel.Find(Model);
        _batched = new(model.Bytes, static _ => { });
        _loop = new(_batched.Predictor, model.Shape.Output, Concurrency, model.Shape.InputLength, CallLatency.RecordSince);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "ONNX Runtime, row by row")]
    public void Raw() => _raw.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseBatching")]
    public void Batched() => _loop.Run(Calls);

    [GlobalCleanup]
    public void Close()
    {
        _raw?.Dispose();
        _batched?.Dispose();
    }
}
