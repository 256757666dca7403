using System.Collections;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>
/// Lays a section over options, immutable ones among them. Configuration replaces a list, and adds to a dictionary. Values that cannot be
/// read are left out; <see cref="ConfigurationShape"/> names them. By reflection over named types: the framework's binder adds to lists,
/// stops at the first fault, and does not set properties that only an initializer may.
/// </summary>
internal static class SectionBinder
{
    /// <param name="section">The section.</param>
    /// <param name="target">Whose properties are set; nobody else may hold it or the objects in it.</param>
    public static void Bind(IConfigurationSection section, object target)
    {
        foreach (var child in section.GetChildren())
        {
            var property = ConfigurationShape.PropertiesOf(target.GetType())
                .FirstOrDefault(property => property.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
            if (property is not null) Set(property, target, child);
        }
    }

    private static void Set(PropertyInfo property, object target, IConfigurationSection section)
    {
        var type = property.PropertyType;
        if (ConfigurationShape.IsObject(type)) Bind(section, property.GetValue(target) ?? MakeFor(property, target));
        else if (ConfigurationShape.IsDictionary(type)) Fill(property, target, section);
        else if (ConfigurationShape.ElementTypeOf(type) is { } element) SetList(property, target, section, element);
        else if (section.Value is not null && !ConfigurationShape.Check(section, type).Any()) SetValue(property, target, section.Value);
    }

    private static void SetValue(PropertyInfo property, object target, string value)
    {
        // An empty text is a text, and no value of anything else.
        if (value.Length > 0 || property.PropertyType == typeof(string)) property.SetValue(target, Read(value, property.PropertyType));
    }

    private static object MakeFor(PropertyInfo property, object target)
    {
        var made = ConfigurationShape.Find(property.PropertyType)!.New!();
        property.SetValue(target, made);
        return made;
    }

    private static void SetList(PropertyInfo property, object target, IConfigurationSection section, Type element)
    {
        if (!section.Exists() || !string.IsNullOrEmpty(section.Value)) return;
        if (ListOf(section, element) is { } list) property.SetValue(target, list);
    }

    /// <summary>The items of a list; null if one of them cannot be read.</summary>
    private static IList? ListOf(IConfigurationSection section, Type element)
    {
        var list = ConfigurationShape.Find(element)!.NewList();
        foreach (var item in section.GetChildren())
        {
            if (ConfigurationShape.Find(element)!.New is { } make)
            {
                var made = make();
                Bind(item, made);
                list.Add(made);
            }
            else if (ConfigurationShape.Check(item, element).Any())
            {
                return null;
            }
            else if (item.Value is not null || element == typeof(string))
            {
                list.Add(Read(item.Value ?? "", element));
            }
        }

        return list;
    }

    private static void Fill(PropertyInfo property, object target, IConfigurationSection section)
    {
        var element = ConfigurationShape.ElementTypeOf(property.PropertyType)!;
        var values = OptionsCopy.OfDictionary(property, property.GetValue(target)) ?? (IDictionary)property.GetValue(target)!;
        if (property.CanWrite) property.SetValue(target, values);
        foreach (var (name, value) in NamedValue.Of(section))
        {
            if (name.Length == 0 || ConfigurationShape.Check(value, element).Any()) continue;
            if (ConfigurationShape.Find(element)?.New is { } make)
            {
                var made = values[name] ?? make();
                Bind(value, made);
                values[name] = made;
            }
            else if (ConfigurationShape.ElementTypeOf(element) is { } item)
            {
                values[name] = ListOf(value, item);
            }
            else if (!string.IsNullOrEmpty(value.Value) || (element == typeof(string) && value.Value is not null))
            {
                values[name] = Read(value.Value, element);
            }
        }
    }

    private static object Read(string value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsEnum) return Enum.Parse(type, value, ignoreCase: true);
        if (type == typeof(TimeSpan)) return TimeSpan.Parse(value, CultureInfo.InvariantCulture);
        return type == typeof(string) ? value : Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
    }
}
