using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlServe.Guests;

namespace MlServe.Hosting;

/// <summary>The log entries of models in a host: events 4000 to 4999.</summary>
internal static partial class LogMessages
{
    /// <summary>Makes the logger; one that says nothing if the application has no logging.</summary>
    public static ILogger Create(ILoggerFactory? loggers) => Guards.LogOf(loggers) ?? NullLogger.Instance;

    [LoggerMessage(4000, LogLevel.Error, "Model {Model} could not be loaded: {Reason}")]
    public static partial void LoadFailed(this ILogger logger, Exception? exception, string model, string reason);

    [LoggerMessage(4001, LogLevel.Information, "Model {Model} takes no more requests and waits for {Requests} to be answered")]
    public static partial void Draining(this ILogger logger, string model, int requests);

    [LoggerMessage(4002, LogLevel.Warning,
        "Model {Model} has {Requests} requests still to answer, and MlServing:DrainTimeout ({DrainTimeout}) or the host's shutdown "
        + "timeout has passed. The host goes on without waiting for them")]
    public static partial void DrainEnded(this ILogger logger, string model, int requests, TimeSpan drainTimeout);

    [LoggerMessage(4003, LogLevel.Debug, "Model {Model} is closed")]
    public static partial void Closed(this ILogger logger, string model);

    [LoggerMessage(4004, LogLevel.Warning,
        "Model {Model} has been given a fallback chain. It was started without one, and is served without it until the host is restarted")]
    public static partial void ChangeNeedsRestart(this ILogger logger, string model);

    [LoggerMessage(
        4005, LogLevel.Warning, "Model {Model} is no longer in the configuration. It is loaded and stays until the host is restarted")]
    public static partial void RemovalNeedsRestart(this ILogger logger, string model);

    [LoggerMessage(4006, LogLevel.Error, "The configuration was reloaded, and its models could not be brought in line with it")]
    public static partial void ReloadFailed(this ILogger logger, Exception exception);

    [LoggerMessage(
        4008, LogLevel.Error,
        "Model {Model} was added by a reload and is served without its fallback chain until the host is restarted: {Problems}")]
    public static partial void FallbackRefused(this ILogger logger, string model, string problems);

    [LoggerMessage(4010, LogLevel.Error, "A layer of model {Model} threw when it was closed; the others are closed, and so is the model")]
    public static partial void LayerNotClosed(this ILogger logger, Exception exception, string model);

    [LoggerMessage(4011, LogLevel.Information, "Model {Model} is tried again in {Delay}; the host goes on without it")]
    public static partial void TriedAgain(this ILogger logger, string model, TimeSpan delay);

    [LoggerMessage(4013, LogLevel.Information, "Model {Model} is answered by version {Version} in place of version {Former}")]
    public static partial void Reloaded(this ILogger logger, string model, string? version, string? former);

    [LoggerMessage(
        4014, LogLevel.Error, "Another version of model {Model} could not be loaded; the one that is live goes on answering: {Reason}")]
    public static partial void VersionNotLoaded(this ILogger logger, Exception? exception, string model, string reason);

    [LoggerMessage(4015, LogLevel.Warning,
        "Version {Version} of model {Model} has {Requests} requests still to answer, and MlServing:DrainTimeout ({DrainTimeout}) has "
        + "passed. It is closed when the last of them has been answered")]
    public static partial void VersionDrainEnded(this ILogger logger, string model, string? version, int requests, TimeSpan drainTimeout);

    [LoggerMessage(4016, LogLevel.Warning, "{Problem} Null is given to who asked for it and can do without it")]
    public static partial void NoSuchModel(this ILogger logger, string problem);

    [LoggerMessage(
        4012, LogLevel.Error,
        "The configuration was reloaded, and the next start would fail with it. The models stay as they are. {Problems}")]
    public static partial void NextStartFails(this ILogger logger, string problems);
}
