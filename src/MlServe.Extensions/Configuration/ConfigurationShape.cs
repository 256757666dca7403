using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>
/// Which keys and values the section may hold. The binder ignores keys that it does not know and stops at the first value that it cannot
/// read. This finds all of both, so that a typing error never goes unnoticed.
/// </summary>
internal static class ConfigurationShape
{
    /// <summary>The key below the section under which the models stand.</summary>
    public const string Models = nameof(Models);

    private static readonly ConcurrentDictionary<Type, OptionsType> Types = new()
    {
        [typeof(string)] = OptionsType.Value<string>(),
        [typeof(bool)] = OptionsType.Value<bool>(),
        [typeof(int)] = OptionsType.Value<int>(),
        [typeof(long)] = OptionsType.Value<long>(),
        [typeof(double)] = OptionsType.Value<double>(),
        [typeof(TimeSpan)] = OptionsType.Value<TimeSpan>(),
    };

    /// <summary>Makes a class of options known, so that trimming keeps its properties.</summary>
    public static void Add<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>()
        where T : class, new() => Types.TryAdd(typeof(T), OptionsType.Object<T>());

    /// <summary>The facts about a type; null for one that nobody has named, and for enumerations.</summary>
    public static OptionsType? Find(Type type) => Types.GetValueOrDefault(type);

    /// <summary>Whether the type is one whose properties are keys.</summary>
    public static bool IsObject(Type type) => Find(type) is { IsObject: true };

    /// <summary>The properties that configuration can set; not those whose values only code can give.</summary>
    public static IEnumerable<PropertyInfo> PropertiesOf(Type type) =>
        Types[type].Properties.Where(static property => IsConfigurable(property.PropertyType));

    /// <summary>The type of a dictionary's values, or of a list's elements; null for other types.</summary>
    public static Type? ElementTypeOf(Type type)
    {
        if (!type.IsGenericType) return null;
        var definition = type.GetGenericTypeDefinition();
        return IsDictionary(type) || definition == typeof(IList<>) || definition == typeof(IReadOnlyList<>)
            ? type.GetGenericArguments()[^1]
            : null;
    }

    /// <summary>Whether values stand under keys of their own.</summary>
    public static bool IsDictionary(Type type) =>
        type.IsGenericType
        && (type.GetGenericTypeDefinition() == typeof(IDictionary<,>) || type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>));

    /// <summary>Names the faults of a section that is bound to a type: one message each, which begins with the full key.</summary>
    /// <param name="section">The section.</param>
    /// <param name="type">The type.</param>
    /// <param name="extras">Keys of the section that are no properties of the type.</param>
    public static IEnumerable<string> Check(IConfigurationSection section, Type type, IReadOnlyList<ExtraKey>? extras = null)
    {
        var children = section.GetChildren();
        if (IsObject(type))
            return HasText(section)
                ? [Not(section, "an object with keys")]
                : children.SelectMany(child => CheckKey(child, type, extras ?? []));
        if (ElementTypeOf(type) is { } element)
        {
            if (HasText(section)) return [Not(section, IsDictionary(type) ? "an object with keys" : "a list")];
            return IsDictionary(type) ? CheckDictionary(section, element) : children.SelectMany(child => Check(child, element));
        }

        if (children.Any()) return [$"{section.Path} holds keys or a list; it must be a single value: {Describe(type)}."];
        return IsAbsent(section, type) || CanRead(section.Value!, type)
            ? []
            : [$"{section.Path} is '{section.Value}'; it must be {Describe(type)}."];
    }

    /// <summary>Says that a section must hold keys, if it holds a text.</summary>
    public static IEnumerable<string> CheckObject(IConfigurationSection section) =>
        HasText(section) ? [Not(section, "an object with keys")] : [];

    /// <summary>An explicit null says nothing; so does an empty text if the option may be without a value.</summary>
    public static bool IsAbsent(IConfigurationSection section, Type type) =>
        section.Value is null || (section.Value.Length == 0 && (!type.IsValueType || Nullable.GetUnderlyingType(type) is not null));

    private static IEnumerable<string> CheckKey(IConfigurationSection section, Type type, IReadOnlyList<ExtraKey> extras)
    {
        if (extras.FirstOrDefault(extra => extra.Is(section.Key)) is { } extra) return extra.Check(section);
        if (Types[type].Properties.FirstOrDefault(property => Is(property.Name, section.Key)) is not { } property)
        {
            List<string> known =
                [.. PropertiesOf(type).Select(static property => property.Name), .. extras.Select(static extra => extra.Name)];
            return [$"{section.Path} is not a known key.{Suggestion.Of(section.Key, known)} Known here: {string.Join(", ", known)}."];
        }

        return IsConfigurable(property.PropertyType)
            ? Check(section, property.PropertyType)
            : [$"{section.Path} cannot be given in configuration. Set {type.Name}.{property.Name} in code."];
    }

    private static IEnumerable<string> CheckDictionary(IConfigurationSection section, Type element)
    {
        if (NamedValue.IsList(section))
            return NamedValue.CheckList(section).Concat(NamedValue.Of(section).SelectMany(entry => Check(entry.Section, element)));
        return section.GetChildren().SelectMany(entry => !IsObject(element) && FindSplitName(entry, element) is { } name
            ? [$"{entry.Path} holds keys; it must be {DescribeElement(element)}. "
                + $"A name that holds a ':' stands in a list: [ {{ \"{NamedValue.NameKey}\": \"{name}\", \"{NamedValue.ValueKey}\": ... "
                + "} ]."]
            : Check(entry, element));
    }

    /// <summary>The name that configuration has taken apart at its ':', as in <c>{ "input:0": 1 }</c>; null if there is none.</summary>
    private static string? FindSplitName(IConfigurationSection entry, Type element)
    {
        if (entry.GetChildren().FirstOrDefault() is not { } rest) return null;
        if (ElementTypeOf(element) is null) return $"{entry.Key}:{rest.Key}";

        // A list of numbers has keys too; one level more is a name.
        return rest.GetChildren().Any() ? $"{entry.Key}:{rest.Key}" : null;
    }

    private static string DescribeElement(Type element) =>
        ElementTypeOf(element) is { } item ? $"a list, each item {Describe(item)}" : $"a single value: {Describe(element)}";

    private static bool IsConfigurable(Type type)
    {
        if (IsObject(type) || IsScalar(Nullable.GetUnderlyingType(type) ?? type)) return true;
        if (ElementTypeOf(type) is not { } element) return false;
        if (!IsDictionary(type)) return Find(element) is not null;
        return IsObject(element) || IsScalar(element)
            || (!IsDictionary(element) && ElementTypeOf(element) is { } item && Find(item) is { IsObject: false });
    }

    private static bool IsScalar(Type type) => type.IsEnum || Find(type) is { IsObject: false };

    private static bool CanRead(string value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsEnum)
            return Enum.TryParse(type, value, ignoreCase: true, out var result)
                && (IsFlags(type) ? AreDefined(type, result) : Enum.IsDefined(type, result));
        if (type == typeof(bool)) return bool.TryParse(value, out _);
        if (type == typeof(int)) return int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _);
        if (type == typeof(long)) return long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _);
        if (type == typeof(double)) return double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

        // A number alone would be read as days, which nobody means.
        if (type == typeof(TimeSpan) && !value.Contains(':', StringComparison.Ordinal)) return false;
        if (type == typeof(TimeSpan)) return TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out _);
        return true;
    }

    private static string Describe(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsEnum)
            return $"one {(IsFlags(type) ? "or several " : "")}of "
                + $"{string.Join(", ", Enum.GetNames(type))}{(IsFlags(type) ? ", parted by commas" : "")}";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int) || type == typeof(long)) return "a whole number";
        if (type == typeof(double)) return "a number";
        return type == typeof(TimeSpan) ? "a time as hh:mm:ss (00:00:00.010 is 10 ms)" : "text";
    }

    private static bool IsFlags(Type type) => type.IsDefined(typeof(FlagsAttribute), inherit: false);

    /// <summary>Whether each of the values that were named together is one.</summary>
    private static bool AreDefined(Type type, object values)
    {
        long known = 0;
        foreach (var value in Enum.GetValuesAsUnderlyingType(type))
            known |= Convert.ToInt64(value, CultureInfo.InvariantCulture);
        return (Convert.ToInt64(values, CultureInfo.InvariantCulture) & ~known) == 0;
    }

    private static bool HasText(IConfigurationSection section) => !string.IsNullOrEmpty(section.Value);

    private static bool Is(string name, string key) => name.Equals(key, StringComparison.OrdinalIgnoreCase);

    private static string Not(IConfigurationSection section, string expected) =>
        $"{section.Path} is '{section.Value}'; it must be {expected}.";
}
