using BenchmarkDotNet.Attributes;
using MlServe.Benchmarks.Measurement;
using MlServe.Resilience;
using Polly;

namespace MlServe.Benchmarks.Suites;

/// <summary>Each layer of resilience alone, and all together, around a predictor that answers ten numbers at once.</summary>
public class ResilienceBenchmarks
{
    private const int Calls = 4096;

    private readonly float[] _row = [1, 2, 3, 4];
    private IPredictor _predictor = new ConstantPredictor();
    private Action<int> _run = null!;

    [GlobalSetup(Target = nameof(Nothing))]
    public void SetUpNothing() => Measure(static _ => { });

    [GlobalSetup(Target = nameof(Timeout))]
    public void SetUpTimeout() => Measure(static builder => builder.UseTimeout(TimeSpan.FromSeconds(1)));

    [GlobalSetup(Target = nameof(Closed))]
    public void SetUpClosed() => Measure(static builder => builder.UseCircuitBreaker());

    [GlobalSetup(Target = nameof(Open))]
    public void SetUpOpen()
    {
        Measure(static builder => builder.UseCircuitBreaker());
        _predictor.GetService<ICircuitBreaker>()!.Open(TimeSpan.FromDays(1));
        _run = Refused;
    }

    [GlobalSetup(Target = nameof(Unused))]
    public void SetUpUnused() => Measure(static builder => builder.UseFallback(static chain => chain.ThenValue("y", new float[10])));

    [GlobalSetup(Target = nameof(Constant))]
    public void SetUpConstant()
    {
        Measure(static builder => builder.UseFallback(static chain => chain.ThenValue("y", new float[10])).UseCircuitBreaker());
        _predictor.GetService<ICircuitBreaker>()!.Open(TimeSpan.FromDays(1));
    }

    [GlobalSetup(Target = nameof(OwnPipeline))]
    public void SetUpOwnPipeline() => Measure(static builder => builder.UseResiliencePipeline(ResiliencePipeline<Prediction>.Empty));

    [GlobalSetup(Target = nameof(Together))]
    public void SetUpTogether() => Measure(static builder => builder
        .UseFallback(static chain => chain.ThenValue("y", new float[10])).UseTimeout(TimeSpan.FromSeconds(1)).UseCircuitBreaker());

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "no layer")]
    public void Nothing() => _run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseTimeout")]
    public void Timeout() => _run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseCircuitBreaker, closed")]
    public void Closed() => _run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseCircuitBreaker, open")]
    public void Open() => _run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseFallback, not needed")]
    public void Unused() => _run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseFallback, circuit open, a constant answers")]
    public void Constant() => _run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseResiliencePipeline, empty")]
    public void OwnPipeline() => _run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseFallback, UseTimeout, UseCircuitBreaker")]
    public void Together() => _run(Calls);

    [GlobalCleanup]
    public void Close() => _predictor.Dispose();

    private void Measure(Action<PredictorBuilder> layers)
    {
        var builder = new PredictorBuilder(new ConstantPredictor());
        layers(builder);
        _predictor = builder.Build();
        _run = new LoneCaller(_predictor, _row).Run;
    }

    /// <summary>Asks as a caller does who finds nothing to read.</summary>
    private void Refused(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            var pending = _predictor.PredictAsync(PredictionInputs.Row(_row));
            using var prediction = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
            if (prediction.IsOk) throw new InvalidOperationException("The circuit is not open.");
        }
    }
}
