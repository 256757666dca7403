using Microsoft.Extensions.Logging;

namespace MlServe.Guests;

/// <summary>The services that a pipeline takes from those that it is built with: the application's own, each behind a guard.</summary>
internal static class GuestServices
{
    public static T? Find<T>(this IServiceProvider services)
        where T : class => services.GetService(typeof(T)) as T;

    /// <summary>The log; null if there is none.</summary>
    public static ILogger? FindLogger(this IServiceProvider services) => GuardedLogger.Of(services.Find<ILoggerFactory>());

    public static TimeProvider FindClock(this IServiceProvider services) => GuardedTime.Of(services.Find<TimeProvider>());
}
