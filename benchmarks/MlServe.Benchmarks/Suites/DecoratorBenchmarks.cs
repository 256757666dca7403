using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Suites;

/// <summary>Each layer alone around a predictor that does nothing.</summary>
public class DecoratorBenchmarks
{
    private const int Calls = 4096;

    private readonly float[] _row = [1, 2, 3, 4];
    private IPredictor _predictor = new NullPredictor();
    private LoneCaller _caller = null!;
    private IDisposable? _listener;

    [GlobalSetup(Target = nameof(Nothing))]
    public void SetUpNothing() => Measure(new NullPredictor());

    [GlobalSetup(Target = nameof(EmptyPipeline))]
    public void SetUpPipeline() => Measure(new PredictorBuilder(new NullPredictor()).Build());

    [GlobalSetup(Target = nameof(Delegating))]
    public void SetUpDelegating() => Measure(new PassThrough(new NullPredictor()));

    [GlobalSetup(Target = nameof(AsyncDelegating))]
    public void SetUpAsync() => Measure(new AsyncPassThrough(new NullPredictor()));

    [GlobalSetup(Target = nameof(OneStage))]
    public void SetUpStage() => Measure(new StagedPredictor(new NullPredictor(), [new EmptyStage()], TimeProvider.System));

    [GlobalSetup(Target = nameof(FourStages))]
    public void SetUpStages() =>
        Measure(new StagedPredictor(
            new NullPredictor(), [new EmptyStage(), new EmptyStage(), new EmptyStage(), new EmptyStage()], TimeProvider.System));

    [GlobalSetup(Target = nameof(TelemetryUnheard))]
    public void SetUpTelemetry() => Measure(WithTelemetry());

    [GlobalSetup(Target = nameof(TelemetryMeasured))]
    public void SetUpMetrics()
    {
        _listener = MeterReader.Start();
        Measure(WithTelemetry());
    }

    [GlobalSetup(Target = nameof(TelemetryTraced))]
    public void SetUpTraces()
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == MlServeDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
        };
        ActivitySource.AddActivityListener(listener);
        _listener = listener;
        Measure(WithTelemetry());
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "no layer")]
    public void Nothing() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "PredictorBuilder without layers")]
    public void EmptyPipeline() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "DelegatingPredictor")]
    public void Delegating() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "DelegatingPredictor, async")]
    public void AsyncDelegating() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "one empty stage")]
    public void OneStage() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "four empty stages")]
    public void FourStages() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseTelemetry, nobody listens")]
    public void TelemetryUnheard() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseTelemetry, metrics read")]
    public void TelemetryMeasured() => _caller.Run(Calls);

    [Benchmark(OperationsPerInvoke = Calls, Description = "UseTelemetry, each call traced")]
    public void TelemetryTraced() => _caller.Run(Calls);

    [GlobalCleanup]
    public void Close()
    {
        _predictor.Dispose();
        _listener?.Dispose();
    }

    private static IPredictor WithTelemetry() => new PredictorBuilder(new NullPredictor()).UseTelemetry("null").Build();

    private void Measure(IPredictor predictor)
    {
        _predictor = predictor;
        _caller = new(predictor, _row);
    }

    private sealed class PassThrough(IPredictor inner) : DelegatingPredictor(inner);

    private sealed class AsyncPassThrough(IPredictor inner) : DelegatingPredictor(inner)
    {
        public override async ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
            await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
    }

    private sealed class EmptyStage : PredictionStage;
}
