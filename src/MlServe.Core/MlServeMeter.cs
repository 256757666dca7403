using System.Diagnostics.Metrics;

namespace MlServe;

/// <summary>The meter that the rooms make their instruments on: the host's, or one for all that have no host.</summary>
internal static class MlServeMeter
{
    private static readonly Lazy<Meter> OfProcess = new(static () => new(MlServeDiagnostics.MeterName, Version));

    private static string? Version { get; } = typeof(MlServeMeter).Assembly.GetName().Version?.ToString(3);

    public static Meter For(IMeterFactory? factory) => factory is null ? OfProcess.Value : factory.Create(MlServeDiagnostics.MeterName, Version);
}
