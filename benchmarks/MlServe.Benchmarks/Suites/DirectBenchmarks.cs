using BenchmarkDotNet.Attributes;
using MlServe.Benchmarks.Measurement;
using MlServe.Onnx;

namespace MlServe.Benchmarks.Suites;

/// <summary>One caller and no layers: what MlServe adds to the runtime's own cheapest call.</summary>
public class DirectBenchmarks
{
    private const int Calls = 512;

    private RawSession _raw = null!;
    private OnnxPredictor _predictor = null!;
    private Action<int> _callRaw = null!;
    private LoneCaller _caller = null!;

    [Params(SuiteModel.Tiny, SuiteModel.Digits)]
    public string Model { get; set; } = SuiteModel.Tiny;

    [GlobalSetup]
    public void Load()
    {
        var model = SuiteModel.Find(Model);
        _raw = model.OpenRaw();
        _callRaw = model.RawCalls(_raw);
        _predictor = OnnxPredictor.LoadAsync(ModelSource.FromBytes(model.Bytes)).AsTask().GetAwaiter().GetResult();
        _caller = new(_predictor, model.Row);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "ONNX Runtime, RunWithBinding")]
    public void Raw() => SampledCalls.Run(Calls, _callRaw);

    [Benchmark(OperationsPerInvoke = Calls, Description = "OnnxPredictor")]
    public void Predictor() => SampledCalls.Run(Calls, _caller.Run);

    [GlobalCleanup]
    public void Close()
    {
        _predictor.Dispose();
        _raw.Dispose();
    }
}
