using Microsoft.Extensions.Logging;

namespace MlServe.Guests;

/// <summary>
/// Counts that a guest threw and says so, once in a while for each kind. It tells the event source, and a logger if there is one. Never
/// throws.
/// </summary>
internal sealed class GuestReports(ILogger? logger)
{
    internal static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    [ThreadStatic]
    private static bool _isReporting;

    private readonly LogThrottle _throttle = new(GuestFaults.All.Count(), Window, TimeProvider.System);

    /// <summary>For code that has no log at hand.</summary>
    public static GuestReports OfProcess { get; } = new(null);

    public void Add(Guest guest, Exception exception)
    {
        GuestFaults.Count(guest);

        // Who hears of it may be a guest that throws as well.
        if (_isReporting || !_throttle.TryPass((int)guest, out var suppressed)) return;
        _isReporting = true;
        try
        {
            var reason = Describe(exception);
            MlServeEventSource.Log?.GuestThrew(GuestFaults.TagOf(guest), reason, suppressed);
            if (logger is not null) GuestLog.GuestThrew(logger, exception, GuestFaults.TagOf(guest), reason, suppressed);
        }
#pragma warning disable CA1031 // There is nobody left to tell.
        catch
#pragma warning restore CA1031
        {
        }
        finally
        {
            _isReporting = false;
        }
    }

    /// <summary>The text of an exception of anybody's: also if asking for it throws.</summary>
    public static string MessageOf(Exception exception)
    {
        try
        {
            return exception.Message ?? exception.GetType().Name;
        }
#pragma warning disable CA1031
        catch
#pragma warning restore CA1031
        {
            return $"{exception.GetType().Name}, which throws when it is asked for its message";
        }
    }

    private static string Describe(Exception exception) => $"{exception.GetType().Name}: {MessageOf(exception)}";
}
