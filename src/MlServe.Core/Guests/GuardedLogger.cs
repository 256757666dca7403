using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace MlServe.Guests;

/// <summary>A logger of the application's that may throw: its exceptions are counted and go no further.</summary>
internal sealed class GuardedLogger : ILogger
{
    private static readonly ConditionalWeakTable<ILoggerFactory, GuardedLogger> OfFactories = [];

    private readonly ILogger _inner;

    // Not to itself.
    private readonly GuestReports _reports = new(null);

    public GuardedLogger(ILogger inner) => _inner = inner;

    /// <summary>The log of a host; null if there is none, or its factory throws.</summary>
    public static ILogger? Of(ILoggerFactory? factory)
    {
        if (factory is null) return null;
        if (OfFactories.TryGetValue(factory, out var known)) return known;
        try
        {
            return factory.CreateLogger(MlServeDiagnostics.LogCategory) is { } logger
                ? OfFactories.GetValue(factory, _ => new(logger))
                : null;
        }
#pragma warning disable CA1031 // A model without a log is better than none.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Logger, exception);
            return null;
        }
    }

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return _inner.IsEnabled(logLevel);
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _reports.Add(Guest.Logger, exception);
            return false;
        }
    }

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            _inner.Log(logLevel, eventId, state, exception, formatter);
        }
#pragma warning disable CA1031
        catch (Exception thrown)
#pragma warning restore CA1031
        {
            _reports.Add(Guest.Logger, thrown);
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;
}
