using System.Numerics;
using BenchmarkDotNet.Attributes;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Suites;

/// <summary>What a batch size is worth: the raw runtime with all rows at hand, a session a core, so that the whole machine works.</summary>
public class BatchSizeBenchmarks
{
    private const int Rows = 8192;
    private const int LargestBatch = 256;

    private OfflineLimit _runtime = null!;

    [Params(SuiteModel.Mlp, SuiteModel.Digits)]
    public string Model { get; set; } = SuiteModel.Mlp;

    [Params(1, 4, 16, 64, LargestBatch)]
    public int Batch { get; set; }

    [GlobalSetup]
    public void Load()
    {
        var model = SuiteModel.Find(Model);

        // A power of two, so that the rows divide evenly into sessions and batches.
        var sessions = Math.Min(Rows / LargestBatch, 1 << BitOperations.Log2((uint)Environment.ProcessorCount));
        _runtime = OfflineLimit.Of(model.Bytes, model.Shape, Batch, threads: 1, sessions);
    }

    [Benchmark(OperationsPerInvoke = Rows, Description = "ONNX Runtime, all rows at hand")]
    public void Offline() => _runtime.Run(Rows);

    [GlobalCleanup]
    public void Close() => _runtime.Dispose();
}
