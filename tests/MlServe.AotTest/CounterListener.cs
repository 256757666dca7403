using System.Diagnostics.Tracing;

namespace MlServe.AotTest;

/// <summary>Waits for the first report of one EventCounter that is not zero.</summary>
internal sealed class CounterListener(string counter) : EventListener
{
    private readonly TaskCompletionSource<double> _value = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<double> Value => _value.Task;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == MlServeDiagnostics.EventSourceName)
            EnableEvents(
                eventSource, EventLevel.Informational, EventKeywords.All,
                new Dictionary<string, string?> { ["EventCounterIntervalSec"] = "0.1" });
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.Payload is [IDictionary<string, object?> report] && (string?)report["Name"] == counter
            && report["Mean"] is double and > 0 and var mean)
            _value.TrySetResult(mean);
    }
}
