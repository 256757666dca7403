using System.Collections;
using System.Reflection;

namespace MlServe.Configuration;

/// <summary>
/// Copies options with the objects, lists and dictionaries in them, so that a change of the one is no change of the other.
/// </summary>
internal static class OptionsCopy
{
    /// <summary>
    /// Copies options of a type that <see cref="ConfigurationShape"/> knows. Values that it does not know, a delegate for one, are shared.
    /// </summary>
    public static T Of<T>(T options)
        where T : class => (T)OfObject(options);

    /// <summary>A new dictionary with the entries of another one; null if nothing is known of its type.</summary>
    public static IDictionary? OfDictionary(PropertyInfo property, object? dictionary)
    {
        var element = ConfigurationShape.ElementTypeOf(property.PropertyType)!;
        var inner = ConfigurationShape.IsDictionary(element) ? null : ConfigurationShape.ElementTypeOf(element);
        if (ConfigurationShape.Find(inner ?? element) is not { } known) return null;
        var copy = inner is null ? known.NewDictionary(dictionary) : known.NewDictionaryOfLists(dictionary);
        if (dictionary is not IDictionary entries) return dictionary is null ? copy : null;
        foreach (DictionaryEntry entry in entries)
            copy[entry.Key] = inner is null ? OfValue(entry.Value) : OfList(inner, entry.Value);
        return copy;
    }

    private static object OfObject(object options)
    {
        var copy = ConfigurationShape.Find(options.GetType())!.New!();
        Fill(options, copy);
        return copy;
    }

    private static void Fill(object options, object copy)
    {
        foreach (var property in ConfigurationShape.Find(options.GetType())!.Properties.Where(static property =>
            property.GetIndexParameters().Length == 0))
        {
            var value = property.GetValue(options);
            if (property.SetMethod is { IsPublic: true }) property.SetValue(copy, Of(property, value));
            else FillReadOnly(value, property.GetValue(copy));
        }
    }

    private static object? Of(PropertyInfo property, object? value)
    {
        var type = property.PropertyType;
        if (value is null || ConfigurationShape.ElementTypeOf(type) is not { } element) return OfValue(value);
        return ConfigurationShape.IsDictionary(type) ? OfDictionary(property, value) ?? value : OfList(element, value);
    }

    private static object? OfValue(object? value) =>
        value is not null && ConfigurationShape.IsObject(value.GetType()) ? OfObject(value) : value;

    private static object? OfList(Type element, object? list)
    {
        if (list is null || ConfigurationShape.Find(element) is not { } known) return list;
        var copy = known.NewList();
        foreach (var item in (IEnumerable)list)
            copy.Add(OfValue(item));
        return copy;
    }

    private static void FillReadOnly(object? value, object? copy)
    {
        if (value is null || copy is null || ReferenceEquals(value, copy)) return;
        if (ConfigurationShape.IsObject(value.GetType())) Fill(value, copy);
        else if (copy is IDictionary { Count: 0, IsReadOnly: false } entries && value is IDictionary given)
        {
            foreach (DictionaryEntry entry in given)
                entries[entry.Key] = OfValue(entry.Value);
        }
        else if (copy is IList { Count: 0, IsFixedSize: false } list && value is IEnumerable items)
        {
            foreach (var item in items)
                list.Add(OfValue(item));
        }
    }
}
