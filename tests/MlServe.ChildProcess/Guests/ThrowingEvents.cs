using System.Diagnostics.Tracing;

namespace MlServe.ChildProcess.Guests;

/// <summary>Listens to MlServe's event source, and throws when it is made and when it writes. Keeps what it was told of guests.</summary>
internal sealed class ThrowingEvents : EventListener
{
    private readonly Mischief? _mischief;
    private EventSource? _early;

    public ThrowingEvents(Mischief mischief)
    {
        _mischief = mischief;
        if (_early is { } source) Listen(source);
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name != MlServeDiagnostics.EventSourceName) return;
        if (_mischief is null) _early = eventSource;
        else Listen(eventSource);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventSource.Name == MlServeDiagnostics.EventSourceName) _mischief!.Call($"events.written:{eventData.EventName}");
    }

    private void Listen(EventSource source)
    {
        EnableEvents(
            source, EventLevel.Informational, EventKeywords.All, new Dictionary<string, string?> { ["EventCounterIntervalSec"] = "0.1" });
        _mischief!.Call("events.created");
    }
}
