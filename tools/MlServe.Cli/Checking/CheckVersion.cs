using System.Reflection;

namespace MlServe.Cli.Checking;

internal static class CheckVersion
{
    /// <summary>The version of the tool, with what it was built of.</summary>
    public static string Tool { get; } =
        typeof(CheckVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? typeof(CheckVersion).Assembly.GetName().Version?.ToString() ?? "0";
}
