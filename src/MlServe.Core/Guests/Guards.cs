using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace MlServe.Guests;

/// <summary>
/// Guards around code that is not MlServe's and that a package for MlServe calls: loggers, clocks, callbacks. Its exceptions
/// are counted (<c>mlserve.guest.faults</c>), told once in a while, and decide nobody's answer. Safe for concurrent use.
/// </summary>
[Experimental("MLSERVE001")]
public static class Guards
{
    private static readonly ConditionalWeakTable<ILogger, GuestReports> OfLoggers = [];

    /// <summary>The log of MlServe's category, which does not throw.</summary>
    /// <param name="factory">The application's factory.</param>
    /// <returns>The log, the same for the same factory; null if there is no factory, or it throws.</returns>
    public static ILogger? LogOf(ILoggerFactory? factory) => GuardedLogger.Of(factory);

    /// <summary>A clock that does not throw: if it would, time goes on at the system's pace.</summary>
    /// <param name="time">The application's clock; null: the system's.</param>
    /// <returns>The clock, the same for the same one; the system's needs no guard.</returns>
    public static TimeProvider ClockOf(TimeProvider? time) => GuardedTime.Of(time);

    /// <summary>Counts that code of somebody else threw, and says so. Does not throw.</summary>
    /// <param name="guest">Whose code it was.</param>
    /// <param name="exception">The exception.</param>
    /// <param name="logger">The log that hears of it, once a minute for each kind; null: the event source alone.</param>
    public static void Report(Guest guest, Exception exception, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var reports = logger is null ? GuestReports.OfProcess : OfLoggers.GetValue(logger, static logger => new(logger));
        reports.Add(guest, exception);
    }
}
