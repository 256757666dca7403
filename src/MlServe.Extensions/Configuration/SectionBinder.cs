using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>
/// Lays a section that <see cref="ConfigurationShape"/> has found good over options, immutable ones among them: the binder of the framework does not set what only an
/// initializer may, where it has to work ahead of time.
/// </summary>
internal static class SectionBinder
{
    /// <param name="section">The section.</param>
    /// <param name="target">Whose properties are set, lists of text among them; nobody else may hold it or what is in it.</param>
    public static void Bind(IConfigurationSection section, object target)
    {
        foreach (var child in section.GetChildren())
        {
            var property = ConfigurationShape.PropertiesOf(target.GetType()).First(property => property.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
            if (ConfigurationShape.IsObject(property.PropertyType)) Bind(child, property.GetValue(target)!);
            else if (ConfigurationShape.IsDictionary(property.PropertyType)) Fill(property, target, child);
            else if (ConfigurationShape.ElementTypeOf(property.PropertyType) is not null) SetList(property, target, child);
            else if (!ConfigurationShape.IsAbsent(child, property.PropertyType)) property.SetValue(target, Read(child.Value!, property.PropertyType));
        }
    }

    private static void SetList(PropertyInfo property, object target, IConfigurationSection section)
    {
        if (!section.Exists()) return;
        property.SetValue(target, section.GetChildren().Select(static item => item.Value ?? "").ToArray());
    }

    /// <summary>Into the dictionary that is there: to make one by reflection would not work ahead of time.</summary>
    private static void Fill(PropertyInfo property, object target, IConfigurationSection section)
    {
        var values = (System.Collections.IDictionary)property.GetValue(target)!;
        foreach (var item in section.GetChildren())
            values[item.Key] = Read(item.Value ?? "", ConfigurationShape.ElementTypeOf(property.PropertyType)!);
    }

    private static object Read(string value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsEnum) return Enum.Parse(type, value, ignoreCase: true);
        if (type == typeof(TimeSpan)) return TimeSpan.Parse(value, CultureInfo.InvariantCulture);
        return type == typeof(string) ? value : Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
    }
}
