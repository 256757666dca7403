using System.Globalization;

namespace MlServe.Onnx;

/// <summary>Translates a provider's options into the runtime's own words.</summary>
internal static class ProviderSettings
{
    /// <summary>The settings with the device among them, under the name that the provider gives it; the user's statement wins.</summary>
    public static Dictionary<string, string> ToDictionary(ExecutionProviderOptions options)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (options.Provider is ExecutionProvider.Cuda or ExecutionProvider.TensorRt)
            settings["device_id"] = options.DeviceId.ToString(CultureInfo.InvariantCulture);
        if (options.Provider == ExecutionProvider.OpenVino && options.DeviceId > 0)
            settings["device_type"] = string.Create(CultureInfo.InvariantCulture, $"GPU.{options.DeviceId}");

        foreach (var (key, value) in options.Settings)
            settings[key] = value;
        return settings;
    }
}
