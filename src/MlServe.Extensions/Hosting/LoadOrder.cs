using Microsoft.Extensions.Options;
using MlServe.Configuration;

namespace MlServe.Hosting;

/// <summary>
/// The order in which a host begins to load its models: the largest files first, so that none of them is the last one, alone, while other
/// cores are at rest. The rest keeps the order in which it was registered.
/// </summary>
internal static class LoadOrder
{
    public static IReadOnlyList<string> LargestFirst(IReadOnlyCollection<string> names, IOptionsMonitor<ModelOptions> models) =>
        names.Count < 2 ? [.. names] : [.. names.OrderByDescending(name => SizeOf(name, models))];

    /// <summary>Zero if it is not in a file, or the file cannot be seen: the load will say so.</summary>
    private static long SizeOf(string name, IOptionsMonitor<ModelOptions> models)
    {
        try
        {
            var options = models.Get(name);
            if (options.Source is not null || options.Predictor is not null || options.Path is not { Length: > 0 } path) return 0;
            var file = new FileInfo(path);
            return file.Exists ? file.Length : 0;
        }
#pragma warning disable CA1031 // Options are made by code of the application's too, and the load tells of it.
        catch (Exception)
#pragma warning restore CA1031
        {
            return 0;
        }
    }
}
