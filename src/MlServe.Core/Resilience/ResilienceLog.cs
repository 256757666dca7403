using Microsoft.Extensions.Logging;
using MlServe.Guests;

namespace MlServe.Resilience;

/// <summary>Says that a callback of the application's threw.</summary>
internal static class ResilienceLog
{
    public static void CallbackThrew(ILogger? logger, Exception exception, string what, string model)
    {
        GuestFaults.Count(Guest.Callback);
        if (logger is not null) LogMessages.ResilienceCallbackThrew(logger, exception, what, model);
    }

    public static void RequestsToBlame(ILogger logger, ModelIdentity model, int count, PredictionError last)
    {
        try
        {
            LogMessages.RequestsToBlame(logger, model.Name, model.Version, count, last.Message);
        }
#pragma warning disable CA1031
        catch
#pragma warning restore CA1031
        {
        }
    }
}
