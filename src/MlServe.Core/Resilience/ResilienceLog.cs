using Microsoft.Extensions.Logging;

namespace MlServe.Resilience;

/// <summary>Logs what users' callbacks throw; a logger that throws as well is left alone.</summary>
internal static class ResilienceLog
{
    public static void CallbackThrew(ILogger? logger, Exception exception, string what, string model)
    {
        if (logger is null) return;
        try
        {
            LogMessages.ResilienceCallbackThrew(logger, exception, what, model);
        }
#pragma warning disable CA1031
        catch
#pragma warning restore CA1031
        {
        }
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
