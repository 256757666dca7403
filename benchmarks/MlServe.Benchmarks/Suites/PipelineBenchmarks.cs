using System.Diagnostics.Metrics;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Suites;

/// <summary>The whole pipeline as AddMlServing builds it, around a model and around nothing.</summary>
public class PipelineBenchmarks
{
    private const int Calls = 1024;
    private const string NoModel = "nothing";

    private ServiceProvider? _services;
    private MeterListener? _metrics;
    private RawSession? _raw;
    private Action<int> _run = null!;

    [Params(SuiteModel.Tiny, NoModel)]
    public string Around { get; set; } = NoModel;

    [GlobalSetup(Target = nameof(Bare))]
    public void SetUpBare()
    {
        var model = SuiteModel.Find(SuiteModel.Tiny);
        if (Around == NoModel)
        {
            _run = new LoneCaller(new NullPredictor(), model.Row).Run;
            return;
        }

        _raw = model.OpenRaw();
        _run = model.RawCalls(_raw);
    }

    [GlobalSetup(Target = nameof(Hosted))]
    public void SetUpHosted() => Host(static _ => { });

    [GlobalSetup(Target = nameof(HostedMeasured))]
    public void SetUpMeasured()
    {
        _metrics = MeterReader.Start();
        Host(static _ => { });
    }

    [GlobalSetup(Target = nameof(HostedBatched))]
    public void SetUpBatched() => Host(static model => model.UseBatching());

    [GlobalSetup(Target = nameof(HostedStandard))]
    public void SetUpStandard() => Host(static model => model.UseStandardPipeline());

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls, Description = "without MlServe")]
    public void Bare() => SampledCalls.Run(Calls, _run);

    [Benchmark(OperationsPerInvoke = Calls, Description = "AddMlServing")]
    public void Hosted() => SampledCalls.Run(Calls, _run);

    [Benchmark(OperationsPerInvoke = Calls, Description = "AddMlServing, metrics read")]
    public void HostedMeasured() => SampledCalls.Run(Calls, _run);

    [Benchmark(OperationsPerInvoke = Calls, Description = "AddMlServing, UseBatching")]
    public void HostedBatched() => SampledCalls.Run(Calls, _run);

    [Benchmark(OperationsPerInvoke = Calls, Description = "AddMlServing, UseStandardPipeline, answer in the cache")]
    public void HostedStandard() => SampledCalls.Run(Calls, _run);

    [GlobalCleanup]
    public void Close()
    {
        _metrics?.Dispose();
        _services?.Dispose();
        _raw?.Dispose();
    }

    private void Host(Action<ModelBuilder> configure)
    {
        var model = SuiteModel.Find(SuiteModel.Tiny);
        var services = new ServiceCollection();
        services.AddMetrics();
        services.AddMlServing().AddModel("tiny", builder =>
        {
            builder.FromBytes(model.Bytes);
            configure(builder);

            // The innermost layer, which leaves out the model.
            if (Around == NoModel) builder.Use(static _ => new NullPredictor());
        });
        _services = services.BuildServiceProvider();
        _services.GetRequiredService<IPredictorProvider>().LoadAsync().GetAwaiter().GetResult();
        _run = new LoneCaller(_services.GetRequiredKeyedService<IPredictor>("tiny"), model.Row).Run;
    }
}
