using System.Collections;
using System.Globalization;
using System.Text;
using MlServe.Features;

namespace MlServe.Configuration;

/// <summary>
/// All that a model's options say, as a text, to see whether they have changed. Values that only code can give, a delegate or a source, are
/// no part of it: code does not change while a process runs.
/// </summary>
internal static class OptionsText
{
    /// <summary>The options of a model, but for those that only the host reads.</summary>
    public static string Of(ModelOptions options, FeatureCatalog features)
    {
        var text = new StringBuilder();
        Line(text, nameof(options.Path), options.Path);
        Line(text, nameof(options.Version), options.Version);

        // Options that nobody has asked for are their defaults. They are not made here: a feature is validated where it has options.
        foreach (var feature in features.Features)
        {
            Line(text, feature.Key, options.IsUsed(feature.OptionsType));
            Add(text, feature.Key, options.Has(feature.OptionsType) ? options.Get(feature) : feature.Create());
        }

        return text.ToString();
    }

    private static void Add(StringBuilder text, string key, object? value)
    {
        if (value is not null && ConfigurationShape.Find(value.GetType()) is { IsObject: true } known)
        {
            foreach (var property in known.Properties.Where(static property => property.GetIndexParameters().Length == 0))
                Add(text, $"{key}:{property.Name}", property.GetValue(value));
        }
        else if (value is IDictionary entries)
        {
            foreach (var name in entries.Keys.Cast<object>().OrderBy(static name => name.ToString(), StringComparer.Ordinal))
                Add(text, $"{key}:{name}", entries[name]);
        }
        else if (value is IEnumerable items and not string)
        {
            var index = 0;
            foreach (var item in items)
                Add(text, string.Create(CultureInfo.InvariantCulture, $"{key}:{index++}"), item);
        }
        else if (value is IConvertible or IFormattable)
        {
            Line(text, key, value);
        }
    }

    private static void Line(StringBuilder text, string key, object? value) =>
        text.Append(key).Append('=').Append(Convert.ToString(value, CultureInfo.InvariantCulture)).Append('\n');
}
