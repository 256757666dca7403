using Microsoft.Extensions.Logging;

namespace MlServe.Quantization.Serving;

/// <summary>The log messages of quantizing: events 7000 to 7999.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(
        7000, LogLevel.Information, "Model {Model} is being quantized, which takes a while; the next start finds the result in {Folder}")]
    public static partial void Quantizing(this ILogger logger, string model, string folder);

    [LoggerMessage(
        7001, LogLevel.Information, "Model {Model} is served quantized ({Method}): {Speed:F2} times as fast, {Share:P0} of the size")]
    public static partial void ServedQuantized(this ILogger logger, string model, QuantizationMethod method, double? speed, double share);

    [LoggerMessage(7002, LogLevel.Warning, "Model {Model} is served as it is, not quantized: {Reason}")]
    public static partial void ServedAsItIs(this ILogger logger, Exception? exception, string model, string reason);

    [LoggerMessage(7003, LogLevel.Warning, "Model {Model}: the cached file {File} is damaged and is made anew")]
    public static partial void CacheEntryDamaged(this ILogger logger, string model, string file);

    [LoggerMessage(
        7004, LogLevel.Warning, "Model {Model}: the quantized model cannot be kept in {Folder}, and is made anew at each start: {Reason}")]
    public static partial void CacheUnusable(this ILogger logger, string model, string folder, string reason);

    [LoggerMessage(7005, LogLevel.Information,
        "Model {Model} was refused for its speed by less than the noise of the measurement, and is quantized again, which takes a while "
        + "(start {Start} of {Starts} that try)")]
    public static partial void TryingAgain(this ILogger logger, string model, int start, int starts);

    [LoggerMessage(7006, LogLevel.Warning, "Model {Model} could not be quantized again; the result of an earlier start stays in use")]
    public static partial void TrialFailed(this ILogger logger, Exception exception, string model);
}
