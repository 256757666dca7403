using BenchmarkDotNet.Attributes;
using MlServe.Benchmarks.Measurement;
using MlServe.Onnx;

namespace MlServe.Benchmarks.Suites;

/// <summary>The digits CNN run by the raw runtime, and asked through a cache that knows the answer or does not.</summary>
public class CacheBenchmarks
{
    private const int Calls = 1024;

    private readonly SuiteModel _model = SuiteModel.Find(SuiteModel.Digits);
    private RawSession? _raw;
    private IPredictor? _predictor;
    private Action<int> _run = null!;

    [GlobalSetup(Target = nameof(Raw))]
    public void SetUpRaw()
    {
        _raw = _model.OpenRaw();
        _run = _model.RawCalls(_raw);
    }

    [GlobalSetup(Target = nameof(Hit))]
    public void SetUpHit() => _run = Cached(256 * 1024 * 1024).Run;

    [GlobalSetup(Target = nameof(Miss))]
    public void SetUpMiss()
    {
        // Small, so that it is full soon and each new answer drives another out.
        var caller = Cached(1024 * 1024);
        var next = 0;
        _run = calls =>
        {
            for (var i = 0; i < calls; i++)
            {
                _model.Row[0] = BitConverter.Int32BitsToSingle(next++);
                caller.Run(1);
            }
        };
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "ONNX Runtime, RunWithBinding")]
    public void Raw() => SampledCalls.Run(Calls, _run);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseCache, asked again")]
    public void Hit() => SampledCalls.Run(Calls, _run);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseCache, never asked before")]
    public void Miss() => SampledCalls.Run(Calls, _run);

    [GlobalCleanup]
    public void Close()
    {
        _predictor?.Dispose();
        _raw?.Dispose();
    }

    private LoneCaller Cached(long sizeLimit)
    {
        var model = OnnxPredictor.LoadAsync(ModelSource.FromBytes(_model.Bytes)).AsTask().GetAwaiter().GetResult();
        _predictor = new PredictorBuilder(model).UseCache(options => (options.SizeLimit, options.SwitchOffWhenUseless) = (sizeLimit, false))
            .Build();
        return new(_predictor, _model.Row);
    }
}
