using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>
/// One entry of a dictionary in configuration: a key and its value. For names that hold a ':', it is an item of a list with the keys
/// <c>Name</c> and <c>Value</c>.
/// </summary>
internal readonly record struct NamedValue(string Name, IConfigurationSection Section)
{
    public const string NameKey = "Name";
    public const string ValueKey = "Value";

    /// <summary>The entries of a dictionary, in either form.</summary>
    public static IEnumerable<NamedValue> Of(IConfigurationSection dictionary) => IsList(dictionary)
        ? dictionary.GetChildren().Select(static item => new NamedValue(item[NameKey] ?? "", item.GetSection(ValueKey)))
        : dictionary.GetChildren().Select(static entry => new NamedValue(entry.Key, entry));

    /// <summary>Whether it is written as a list: numbered from 0, with names.</summary>
    public static bool IsList(IConfigurationSection dictionary)
    {
        var (index, isNamed) = (0, false);
        foreach (var item in dictionary.GetChildren())
        {
            if (item.Key != index++.ToString(CultureInfo.InvariantCulture) || item.Value is not null) return false;
            isNamed |= item[NameKey] is not null;
        }

        return isNamed;
    }

    /// <summary>The faults of the items of a list.</summary>
    public static IEnumerable<string> CheckList(IConfigurationSection dictionary)
    {
        foreach (var item in dictionary.GetChildren())
        {
            if (string.IsNullOrEmpty(item[NameKey])) yield return $"{item.Path}:{NameKey} is empty; it must be a name.";
            if (!item.GetSection(ValueKey).Exists())
                yield return $"{item.Path}:{ValueKey} is missing; each item must have {NameKey} and {ValueKey}.";
            foreach (var key in item.GetChildren().Where(static key => !Is(key.Key, NameKey) && !Is(key.Key, ValueKey)))
                yield return $"{key.Path} is not a known key. Known here: {NameKey}, {ValueKey}.";
        }
    }

    private static bool Is(string key, string name) => key.Equals(name, StringComparison.OrdinalIgnoreCase);
}
