using Microsoft.Extensions.Logging;

namespace MlServe.ChildProcess.Guests;

/// <summary>
/// A log that throws where MlServe makes it, asks it, or writes to it. Other people's categories are left alone: the host itself does not
/// bear it.
/// </summary>
internal sealed class ThrowingLogs(Mischief mischief) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) =>
        categoryName == MlServeDiagnostics.LogCategory ? new Log(mischief) : new Log(new(static (_, _) => false));

    public void Dispose()
    {
    }

    private sealed class Log(Mischief mischief) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel)
        {
            mischief.Call("logger.IsEnabled");
            return true;
        }

        void ILogger.Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            mischief.Call($"event.{eventId.Id}");
            _ = formatter(state, exception);
        }
    }
}
