using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MlServe.Guests;

namespace MlServe.Tests.Guests;

[Collection(Alone.Name)]
public sealed class GuestReportsTests
{
    [Fact]
    public void Add_LoggerThrows_TheEventSourceSaysSo()
    {
        using var events = new Events();
        var logger = new GuardedLogger(new Broken());

        Assert.False(logger.IsEnabled(LogLevel.Error));
        LogMessages.NoSharedThreadPool(logger, "digits");
        logger.Log(LogLevel.Error, default, 1, null, static (_, _) => "");

        Assert.Contains(events.Seen, static seen => seen.Guest == "logger" && seen.Reason == "InvalidOperationException: logger");
    }

    [Fact]
    public void Add_ExceptionThatThrowsWhenItIsAsked_IsReportedByItsType()
    {
        var logs = new FakeLogCollector();

        new GuestReports(new FakeLogger(logs)).Add(Guest.Clock, new Silent());

        Assert.Contains(
            "Silent, which throws when it is asked for its message", Assert.Single(logs.GetSnapshot()).GetStructuredStateValue("Reason"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Add_EachKind_HasAWindowOfItsOwn()
    {
        var logs = new FakeLogCollector();
        var reports = new GuestReports(new FakeLogger(logs));

        foreach (var guest in GuestFaults.All.Concat(GuestFaults.All))
            reports.Add(guest, new InvalidOperationException("x"));

        Assert.Equal(
            GuestFaults.All.Select(GuestFaults.TagOf), logs.GetSnapshot().Select(static log => log.GetStructuredStateValue("Guest")));
    }

    [Fact]
    public void Of_FactoryThrowsOrGivesNothing_IsNoLog()
    {
        Assert.Null(GuardedLogger.Of(new Factory(static () => throw new InvalidOperationException("factory"))));
        Assert.Null(GuardedLogger.Of(new Factory(static () => null!)));
        Assert.Null(GuardedLogger.Of(null));
        var factory = new Factory(static () => new FakeLogger());
        Assert.Same(GuardedLogger.Of(factory), GuardedLogger.Of(factory));
    }

    [Fact]
    public void Message_FormatOrArgumentIsWrong_IsTheFormat()
    {
        Assert.Equal("{0} {1}", new PredictionError(PredictionStatus.Failed, default, "{0} {1}", 1).Message);
        Assert.Equal("{0}", new PredictionError(PredictionStatus.Failed, default, "{0}", new Unprintable()).Message);
    }

    private sealed class Events : EventListener
    {
        public ConcurrentQueue<(string Guest, string Reason)> Seen { get; } = new();

        public Events() => EnableEvents(MlServeEventSource.Log!, EventLevel.Warning);

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData.EventName == nameof(MlServeEventSource.GuestThrew))
                Seen.Enqueue(((string)eventData.Payload![0]!, (string)eventData.Payload[1]!));
        }
    }

    private sealed class Broken : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => throw new InvalidOperationException("logger");

        public bool IsEnabled(LogLevel logLevel) => throw new InvalidOperationException("logger");

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new InvalidOperationException("logger");
    }

    private sealed class Factory(Func<ILogger> create) : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) => create();

        public void Dispose()
        {
        }
    }

    private sealed class Silent : Exception
    {
        public override string Message => throw new InvalidOperationException("Do not ask.");
    }

    private sealed class Unprintable
    {
        public override string ToString() => throw new InvalidOperationException("Do not ask.");
    }
}
