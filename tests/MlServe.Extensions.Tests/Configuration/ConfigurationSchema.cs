using System.Globalization;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using MlServe.Features;
using MlServe.Quantization.Serving;

namespace MlServe.Configuration;

/// <summary>
/// Makes the JSON schema of the section from the options' classes: keys, types and defaults by reflection; descriptions, and ranges where
/// the sentence states one, from the documentation comments.
/// </summary>
internal static partial class ConfigurationSchema
{
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Create()
    {
        // It is the packages that make their options known.
        using var services = new ServiceCollection().AddMlServing().AddQuantization().Services.BuildServiceProvider();
        _ = services.GetRequiredService<FeatureCatalog>();
        var section = ObjectOf(new MlServingOptions());
        section["description"] = XmlSummaries.Of(typeof(MlServingOptions));
        section["properties"]![ConfigurationShape.Models] = new JsonObject
        {
            ["type"] = new JsonArray("object", "null"),
            ["description"] = "The models by name: 1 to 64 ASCII letters, digits, '-', '_' and '.'.",
            ["patternProperties"] = new JsonObject { ["^[A-Za-z0-9_.-]{1,64}$"] = ModelOf() },
            ["additionalProperties"] = false,
        };
        var schema = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject { [MlServingOptions.SectionName] = section },
        };
        return schema.ToJsonString(Format) + "\n";
    }

    /// <summary>The lowest and the highest value that a whole number may have, where the description says so.</summary>
    public static (long? Minimum, long? Maximum) RangeIn(string description)
    {
        if (FromTo().Match(description) is { Success: true } range) return (Number(range.Groups[1]), Number(range.Groups[2]));
        return AtLeast().Match(description) is { Success: true } least ? (Number(least.Groups[1]), null) : (null, null);
    }

    private static JsonObject ModelOf()
    {
        var model = ObjectOf(new ModelOptions());
        var quantization = ObjectOf(new ModelQuantizationOptions());
        quantization["description"] = $"{XmlSummaries.Of(typeof(ModelQuantizationOptions))} Read by the package MlServe.Quantization: "
            + "AddMlServing().AddQuantization().";
        model["properties"]!["Quantization"] = quantization;
        return model;
    }

    private static JsonObject ObjectOf(object defaults)
    {
        var properties = new JsonObject();
        foreach (var property in ConfigurationShape.PropertiesOf(defaults.GetType()))
            properties[property.Name] = PropertyOf(property, property.GetValue(defaults));
        return new() { ["type"] = new JsonArray("object", "null"), ["properties"] = properties, ["additionalProperties"] = false };
    }

    private static JsonObject PropertyOf(PropertyInfo property, object? value)
    {
        var description = XmlSummaries.Of(property);
        var schema = SchemaOf(property.PropertyType, value, description);
        schema["description"] = description;
        if (DefaultOf(value) is { } usual) schema["default"] = usual;
        return schema;
    }

    private static JsonObject SchemaOf(Type type, object? value, string description)
    {
        if (ConfigurationShape.IsObject(type)) return ObjectOf(value ?? Activator.CreateInstance(type)!);
        if (ConfigurationShape.ElementTypeOf(type) is not { } element) return ScalarOf(type, description);

        var items = SchemaOf(element, null, description);
        return !ConfigurationShape.IsDictionary(type)
            ? new() { ["type"] = new JsonArray("array", "null"), ["items"] = items }
            : new()
            {
                ["type"] = new JsonArray("object", "array", "null"),
                ["additionalProperties"] = items,
                ["items"] = NamedValueOf(items),
            };
    }

    /// <summary>How an entry of a dictionary is written whose name holds a ':'.</summary>
    private static JsonObject NamedValueOf(JsonNode value) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            [NamedValue.NameKey] = new JsonObject { ["type"] = "string", ["minLength"] = 1 },
            [NamedValue.ValueKey] = value.DeepClone(),
        },
        ["required"] = new JsonArray(NamedValue.NameKey, NamedValue.ValueKey),
        ["additionalProperties"] = false,
    };

    private static JsonObject ScalarOf(Type type, string description)
    {
        var scalar = Nullable.GetUnderlyingType(type) ?? type;
        if (scalar.IsEnum && scalar.IsDefined(typeof(FlagsAttribute), inherit: false))
        {
            var name = $"({string.Join('|', Enum.GetNames(scalar))})";
            return new() { ["type"] = new JsonArray("string", "null"), ["pattern"] = $@"^{name}(, ?{name})*$" };
        }

        if (scalar.IsEnum) return new() { ["enum"] = new JsonArray([.. Enum.GetNames(scalar).Select(static name => (JsonNode)name)]) };
        var schema = new JsonObject { ["type"] = new JsonArray(JsonTypeOf(scalar), "null") };
        if (scalar == typeof(TimeSpan)) schema["pattern"] = @"^-?(\d+\.)?\d{1,2}:\d{2}(:\d{2}(\.\d{1,7})?)?$";
        if (scalar == typeof(double))
        {
            if (description.Contains("greater than 0", StringComparison.Ordinal)) schema["exclusiveMinimum"] = 0;
            if (description.Contains("less than 1", StringComparison.Ordinal)) schema["exclusiveMaximum"] = 1;
        }

        if (JsonTypeOf(scalar) != "integer") return schema;
        var (minimum, maximum) = RangeIn(description);
        if (minimum is not null) schema["minimum"] = minimum;
        if (maximum is not null) schema["maximum"] = maximum;
        return schema;
    }

    private static string JsonTypeOf(Type type) =>
        type == typeof(bool) ? "boolean"
            : type == typeof(double) ? "number"
            : type == typeof(int) || type == typeof(long) ? "integer"
            : "string";

    private static JsonNode? DefaultOf(object? value) => value switch
    {
        bool flag => flag,
        int number => number,
        long number => number,
        string or Enum or TimeSpan => string.Format(CultureInfo.InvariantCulture, "{0}", value),
        _ => null,
    };

    private static long Number(Group digits) => long.Parse(digits.Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\b([\d,]*\d) to ([\d,]*\d)\b")]
    private static partial Regex FromTo();

    [GeneratedRegex(@"\b(?:from )?([\d,]*\d)(?: or more\b|(?<=from 0)\b)")]
    private static partial Regex AtLeast();
}
