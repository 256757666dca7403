using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>A key of a section that is no property of its class of options.</summary>
/// <param name="Name">The key.</param>
/// <param name="Check">Names the faults of the content: one message each, which begins with the full key.</param>
internal sealed record ExtraKey(string Name, Func<IConfigurationSection, IEnumerable<string>> Check)
{
    public bool Is(string key) => Name.Equals(key, StringComparison.OrdinalIgnoreCase);
}
