using BenchmarkDotNet.Attributes;
using MlServe.Benchmarks.Measurement;
using MlServe.Onnx;

namespace MlServe.Benchmarks.Suites;

/// <summary>The typed door: an application's own types in and out.</summary>
public class TypedDoorBenchmarks
{
    private const int Calls = 1024;

    private readonly float[] _row = SuiteModel.Find(SuiteModel.Tiny).Row;
    private RawSession _raw = null!;
    private OnnxPredictor _predictor = null!;
    private Action<int> _callRaw = null!;
    private Action<int> _callUntyped = null!;
    private Action<int> _callTyped = null!;

    [GlobalSetup]
    public void Load()
    {
        var model = SuiteModel.Find(SuiteModel.Tiny);
        _raw = model.OpenRaw();
        _callRaw = model.RawCalls(_raw);
        _predictor = OnnxPredictor.LoadAsync(ModelSource.FromBytes(model.Bytes)).AsTask().GetAwaiter().GetResult();
        _callUntyped = new LoneCaller(_predictor, _row).Run;
        var typed = _predictor.As<float[], int>(
            static (row, writer) => writer.Write<float>("x", row),
            static prediction =>
            {
                var scores = prediction["y"].AsSpan<float>();
                return scores.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max(scores));
            });
        _callTyped = calls =>
        {
            for (var i = 0; i < calls; i++)
            {
                var pending = typed.PredictAsync(_row);
                _ = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
            }
        };
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "ONNX Runtime, RunWithBinding")]
    public void Raw() => SampledCalls.Run(Calls, _callRaw);

    [Benchmark(OperationsPerInvoke = Calls, Description = "IPredictor")]
    public void Untyped() => SampledCalls.Run(Calls, _callUntyped);

    [Benchmark(OperationsPerInvoke = Calls, Description = "IPredictor<float[], int>")]
    public void Typed() => SampledCalls.Run(Calls, _callTyped);

    [GlobalCleanup]
    public void Close()
    {
        _predictor.Dispose();
        _raw.Dispose();
    }
}
