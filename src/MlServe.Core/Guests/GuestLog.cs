using Microsoft.Extensions.Logging;

namespace MlServe.Guests;

internal static partial class GuestLog
{
    [LoggerMessage(1002, LogLevel.Warning,
        "Code that MlServe calls threw and was left out ({Guest}): {Reason} MlServe goes on; mend that code. ({Suppressed} more of its "
        + "kind were not logged.)")]
    public static partial void GuestThrew(ILogger logger, Exception exception, string guest, string reason, long suppressed);
}
