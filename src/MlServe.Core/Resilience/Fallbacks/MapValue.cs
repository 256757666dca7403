using System.Globalization;
using MlServe.Tensors;

namespace MlServe.Resilience;

/// <summary>A map as configuration has it, with texts for keys and numbers for values, written in the types of a model's output.</summary>
internal sealed class MapValue(IReadOnlyDictionary<string, double> entries)
{
    /// <summary>Writes it as a map of its own; null: the output is none, or of types that these entries do not have.</summary>
    /// <param name="output">The model's output: a map, or a sequence with a map for each row. Null: the model is not known.</param>
    public Action<PredictionWriter, string, int?>? WriterOf(ValueSignature? output)
    {
        var isSequence = output is { Kind: ValueKind.Sequence };
        if (output is null) return AreNumbers ? Of(Numbers(), ElementType.Float, false) : Of(entries, ElementType.Float, false);
        if ((isSequence ? output.Content : output) is not { Kind: ValueKind.Map } map) return null;
        var type = map.Content is { Kind: ValueKind.Tensor } content ? content.ElementType : ElementType.Float;
        return map.KeyType switch
        {
            ElementType.Int64 => AreNumbers ? Of(Numbers(), type, isSequence) : null,
            ElementType.String => Of(entries, type, isSequence),
            _ => null,
        };
    }

    /// <summary>Says why it cannot stand for an output; null: it can.</summary>
    public string? MisfitOf(ValueSignature output)
    {
        if (WriterOf(output) is not null) return null;
        var map = output.Kind == ValueKind.Sequence ? output.Content : output;
        if (map is not { Kind: ValueKind.Map })
            return $"gives entries by keys to '{output.Name}', which is no map ({output}). Give it a row of numbers.";
        return map.KeyType == ElementType.Int64
            ? $"gives '{output.Name}' the key '{entries.Keys.First(static key => !IsNumber(key))}', and keys of the model's map are whole "
                + "numbers."
            : $"gives entries to '{output.Name}' ({output}), of a type that cannot be given so. Let a model or a function stand in.";
    }

    private bool AreNumbers => entries.Keys.All(IsNumber);

    private static bool IsNumber(string key) => long.TryParse(key, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private Dictionary<long, double> Numbers() =>
        entries.ToDictionary(static entry => long.Parse(entry.Key, CultureInfo.InvariantCulture), static entry => entry.Value);

    private static Action<PredictionWriter, string, int?>? Of<TKey>(
        IReadOnlyDictionary<TKey, double> numbers, ElementType type, bool isSequence)
        where TKey : notnull => type switch
        {
            ElementType.Float => Of(Convert(numbers, static number => (float)number), isSequence),
            ElementType.Double => Of(numbers, isSequence),
            ElementType.Int64 => Of(Convert(numbers, static number => (long)number), isSequence),
            ElementType.Int32 => Of(Convert(numbers, static number => (int)number), isSequence),
            _ => null,
        };

    private static Dictionary<TKey, TValue> Convert<TKey, TValue>(
        IReadOnlyDictionary<TKey, double> numbers, Func<double, TValue> convert)
        where TKey : notnull => numbers.ToDictionary(static entry => entry.Key, entry => convert(entry.Value));

    /// <summary>Writes entries: one map, or one for each row.</summary>
    public static Action<PredictionWriter, string, int?> Of<TKey, TValue>(IReadOnlyDictionary<TKey, TValue> entries, bool isSequence)
        where TKey : notnull => (writer, name, rows) =>
    {
        if (!isSequence)
        {
            writer.AddMap(name, entries);
            return;
        }

        var sequence = writer.AddSequence(name);
        for (var row = 0; row < (rows ?? 1); row++)
            sequence.AddMap(entries);
    };
}
