using System.Diagnostics.Tracing;
using BenchmarkDotNet.Engines;

namespace MlServe.Benchmarking;

/// <summary>
/// Hears from BenchmarkDotNet's engine in this process when it measures, and hands over the recorded latencies when a benchmark ends. They
/// go to the diagnoser if that is in the same process. Otherwise they go through standard output, which the host process reads and keeps
/// with the benchmark's report.
/// </summary>
internal sealed class EngineListener : EventListener
{
    public static readonly EngineListener Instance = new();

    private readonly LatencyHistogram _recorded = new();

    // The first call to be recorded makes the listener, maybe in the only iteration of a cold start: what comes next says whether it
    // counts.
    private volatile bool _isMeasuring = true;
    private LatencyHistogram? _finished;

    private EngineListener()
    {
    }

    /// <summary>Whether benchmarks run in their host's process.</summary>
    public static bool IsInHost { get; set; }

    public void Record(double nanoseconds)
    {
        if (_isMeasuring) _recorded.Record(nanoseconds);
    }

    /// <summary>
    /// The record of the benchmark that ended last in this process; null if it recorded nothing, or the record was taken before.
    /// </summary>
    public LatencyHistogram? TakeFinished() => Interlocked.Exchange(ref _finished, null);

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == EngineEventSource.SourceName) EnableEvents(eventSource, EventLevel.Informational);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        switch (eventData.EventId)
        {
            case EngineEventSource.WorkloadActualStartEventId:
                _isMeasuring = true;
                break;
            case EngineEventSource.WorkloadActualStopEventId:
                _isMeasuring = false;
                break;
            case EngineEventSource.BenchmarkStopEventId:
                _isMeasuring = false;
                Finish();
                break;
            default:
                // All that comes before the measured iterations, which are the last.
                _isMeasuring = false;
                _recorded.Clear();
                break;
        }
    }

    private void Finish()
    {
        if (_recorded.Count == 0) return;
        if (IsInHost) _finished = _recorded.Copy();
        else LatencyLine.Write(_recorded);
        _recorded.Clear();
    }
}
