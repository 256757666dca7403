using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>
/// Which keys and values the section may hold. The binder ignores keys that it does not know and stops at the first value that it cannot read; this
/// finds all of both, so that a typing error never goes unnoticed.
/// </summary>
internal static class ConfigurationShape
{
    /// <summary>The key below the section under which the models stand.</summary>
    public const string Models = nameof(Models);

    // Named one by one so that trimming keeps their properties.
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Objects = new()
    {
        [typeof(MlServingOptions)] = typeof(MlServingOptions).GetProperties(),
        [typeof(OnnxRuntimeOptions)] = typeof(OnnxRuntimeOptions).GetProperties(),
        [typeof(ModelOptions)] = typeof(ModelOptions).GetProperties(),
        [typeof(ServiceLevelOptions)] = typeof(ServiceLevelOptions).GetProperties(),
        [typeof(OnnxModelOptions)] = typeof(OnnxModelOptions).GetProperties(),
        [typeof(OnnxInspectionLimits)] = typeof(OnnxInspectionLimits).GetProperties(),
        [typeof(VerificationOptions)] = typeof(VerificationOptions).GetProperties(),
        [typeof(CacheOptions)] = typeof(CacheOptions).GetProperties(),
        [typeof(FallbackStepOptions)] = typeof(FallbackStepOptions).GetProperties(),
        [typeof(CircuitBreakerOptions)] = typeof(CircuitBreakerOptions).GetProperties(),
        [typeof(ChaosOptions)] = typeof(ChaosOptions).GetProperties(),
        [typeof(BatchingOptions)] = typeof(BatchingOptions).GetProperties(),
        [typeof(PaddingOptions)] = typeof(PaddingOptions).GetProperties(),
        [typeof(ExecutionProviderOptions)] = typeof(ExecutionProviderOptions).GetProperties(),
    };

    /// <summary>Makes known options of another package.</summary>
    public static void Add<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>() => Objects.TryAdd(typeof(T), typeof(T).GetProperties());

    /// <summary>Whether the type is one whose properties are keys.</summary>
    public static bool IsObject(Type type) => Objects.ContainsKey(type);

    /// <summary>The properties that configuration can set; not those whose values only code can give.</summary>
    public static IEnumerable<PropertyInfo> PropertiesOf(Type type) => Objects[type].Where(static property => IsConfigurable(property.PropertyType));

    /// <summary>The type of a dictionary's values, of a list's elements; null for what is neither.</summary>
    public static Type? ElementTypeOf(Type type)
    {
        if (!type.IsGenericType) return null;
        var definition = type.GetGenericTypeDefinition();
        return definition == typeof(IDictionary<,>) || definition == typeof(IList<>) || definition == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[^1] : null;
    }

    /// <summary>Says what is wrong with a section that is bound to a type: one message each, which begins with the full key.</summary>
    public static IEnumerable<string> Check(IConfigurationSection section, Type type)
    {
        var children = section.GetChildren();
        if (IsObject(type)) return HasText(section) ? [Not(section, "an object with keys")] : children.SelectMany(child => CheckKey(child, type));
        if (ElementTypeOf(type) is { } element)
        {
            return HasText(section)
                ? [Not(section, type.GetGenericTypeDefinition() == typeof(IDictionary<,>) ? "an object with keys" : "a list")]
                : children.SelectMany(child => Check(child, element));
        }

        if (children.Any()) return [$"{section.Path} holds keys or a list; it must be a single value: {Describe(type)}."];
        return IsAbsent(section, type) || CanRead(section.Value!, type) ? [] : [$"{section.Path} is '{section.Value}'; it must be {Describe(type)}."];
    }

    /// <summary>An explicit null says nothing; so does an empty text where the option may be without a value.</summary>
    public static bool IsAbsent(IConfigurationSection section, Type type) =>
        section.Value is null || (section.Value.Length == 0 && (!type.IsValueType || Nullable.GetUnderlyingType(type) is not null));

    private static IEnumerable<string> CheckKey(IConfigurationSection section, Type type)
    {
        // The models are options of their own, by name, and no property of those of the host.
        if (type == typeof(MlServingOptions) && Is(Models, section.Key)) return HasText(section) ? [Not(section, "an object with keys")] : [];

        // Read by packages of their own.
        if (type == typeof(ModelOptions) && ModelSections.IsKey(section.Key)) return [];

        var known = PropertiesOf(type).Select(static property => property.Name).ToList();
        if (Objects[type].FirstOrDefault(property => Is(property.Name, section.Key)) is not { } property)
        {
            if (type == typeof(MlServingOptions)) known.Add(Models);
            if (type == typeof(ModelOptions)) known.AddRange(ModelSections.Keys);
            var suggestion = Suggestion.For(section.Key, known) is { } name ? $" Did you mean '{name}'?" : "";
            return [$"{section.Path} is not a known key.{suggestion} Known here: {string.Join(", ", known)}."];
        }

        return IsConfigurable(property.PropertyType)
            ? Check(section, property.PropertyType)
            : [$"{section.Path} cannot be given in configuration. Set {type.Name}.{property.Name} in code."];
    }

    private static bool IsConfigurable(Type type) =>
        IsObject(type) || IsScalar(Nullable.GetUnderlyingType(type) ?? type) || (ElementTypeOf(type) is { } element && IsConfigurable(element));

    private static bool IsScalar(Type type) =>
        type.IsEnum || type == typeof(string) || type == typeof(bool) || type == typeof(int) || type == typeof(long) || type == typeof(double)
        || type == typeof(TimeSpan);

    private static bool CanRead(string value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsEnum) return Enum.TryParse(type, value, ignoreCase: true, out var result) && (IsFlags(type) ? AreDefined(type, result) : Enum.IsDefined(type, result));
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
        if (type.IsEnum) return $"one {(IsFlags(type) ? "or several " : "")}of {string.Join(", ", Enum.GetNames(type))}{(IsFlags(type) ? ", parted by commas" : "")}";
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

    private static string Not(IConfigurationSection section, string expected) => $"{section.Path} is '{section.Value}'; it must be {expected}.";
}
