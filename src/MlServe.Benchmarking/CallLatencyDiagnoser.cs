using BenchmarkDotNet.Analysers;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Validators;

namespace MlServe.Benchmarking;

/// <summary>Takes over what benchmarks recorded that ran in this process.</summary>
internal sealed class CallLatencyDiagnoser : IDiagnoser
{
    public IEnumerable<string> Ids => [nameof(CallLatencyDiagnoser)];

    public IEnumerable<IExporter> Exporters => [];

    public IEnumerable<IAnalyser> Analysers => [];

    public RunMode GetRunMode(BenchmarkCase benchmarkCase) => RunMode.NoOverhead;

    public void Handle(HostSignal signal, DiagnoserActionParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        switch (signal)
        {
            case HostSignal.BeforeAnythingElse:
                EngineListener.IsInHost = true;
                EngineListener.Instance.TakeFinished();
                break;
            case HostSignal.AfterAll when EngineListener.Instance.TakeFinished() is { } histogram:
                RecordedLatencies.Keep(parameters.BenchmarkCase, histogram);
                break;
        }
    }

    public IEnumerable<Metric> ProcessResults(DiagnoserResults results) => [];

    public void DisplayResults(ILogger logger)
    {
    }

    public IEnumerable<ValidationError> Validate(ValidationParameters validationParameters) => [];
}
