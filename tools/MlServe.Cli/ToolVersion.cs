using System.Reflection;

namespace MlServe.Cli;

internal static class ToolVersion
{
    /// <summary>The version of the tool, with what it was built of.</summary>
    public static string Text { get; } =
        typeof(ToolVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? typeof(ToolVersion).Assembly.GetName().Version?.ToString() ?? "0";
}
