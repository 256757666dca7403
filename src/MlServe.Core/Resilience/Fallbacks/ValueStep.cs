using MlServe.Tensors;

namespace MlServe.Resilience;

/// <summary>The same row for every request: an answer that is known to be harmless.</summary>
internal sealed class ValueStep : FallbackStep
{
    private const int NoLength = -1;

    // Replaced as a whole: requests read it while a model that has just been loaded says its types.
    private volatile (string Output, int Length, Action<PredictionWriter, string, int?> Write)[] _outputs = [];

    private readonly Dictionary<string, double[]> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MapValue> _maps = new(StringComparer.Ordinal);

    internal override string Tag => "value";

    internal override bool IsInstant => true;

    public IEnumerable<string> Outputs => _outputs.Select(static output => output.Output);

    /// <summary>Says why the value cannot stand for an output of a model; null: it can, or there is none for that output.</summary>
    private string? MisfitOf(ValueSignature output)
    {
        if (_maps.TryGetValue(output.Name, out var map)) return map.MisfitOf(output);
        if (Array.Find(_outputs, given => given.Output == output.Name) is not { Output: not null, Length: >= 0 } given) return null;
        if (_numbers.ContainsKey(output.Name) && NotOfNumbers(output) is { } kind)
            return $"gives numbers to '{output.Name}', which is {kind}: only tensors of numbers can be given so. Let a model or a function "
                + "stand in (Then in code), or take the value out of the chain.";
        return LengthOfRow(output) is { } expected && expected != given.Length
            ? $"gives '{output.Name}' a value of {given.Length} numbers, and a row of the model's has {expected}."
            : null;
    }

    public void Add<T>(string output, T[] row)
    {
        _ = ElementTypes.Require<T>();
        _outputs = [.. _outputs, (output, row.Length, WriterOf(row))];
    }

    /// <summary>Adds numbers as configuration has them, of the type that the model's output has; float if the model is not known.</summary>
    public void AddNumbers(string output, double[] row)
    {
        _numbers.Add(output, row);
        _outputs = [.. _outputs, (output, row.Length, WriterOf(ElementType.Float, row)!)];
    }

    /// <summary>Adds a map, which is the same for any number of rows.</summary>
    public void AddMap<TKey, TValue>(string output, IReadOnlyDictionary<TKey, TValue> entries)
        where TKey : notnull => _outputs = [.. _outputs, (output, NoLength, MapValue.Of(entries, isSequence: false))];

    /// <summary>Adds a map as configuration has it, of the types that the model's output has.</summary>
    public void AddMap(string output, MapValue map)
    {
        _maps.Add(output, map);
        _outputs = [.. _outputs, (output, NoLength, map.WriterOf(null)!)];
    }

    /// <summary>Gives numbers the types that a model's outputs have.</summary>
    public void TakeTypesOf(ModelSignature signature)
    {
        _outputs = [.. _outputs.Select(value => signature.IndexOfOutput(value.Output) is >= 0 and var index
            && WriterOf(signature.Outputs[index]) is { } write
                ? (value.Output, value.Length, write)
                : value)];
    }

    private Action<PredictionWriter, string, int?>? WriterOf(ValueSignature output) =>
        _maps.TryGetValue(output.Name, out var map) ? map.WriterOf(output)
        : _numbers.TryGetValue(output.Name, out var row) ? WriterOf(output.ElementType, row)
        : null;

    /// <summary>The kind of an output to which numbers cannot be written; null: they can.</summary>
    private static string? NotOfNumbers(ValueSignature output) => output.Kind switch
    {
        ValueKind.Tensor => WriterOf(output.ElementType, []) is null ? $"a tensor of {output.ElementType}" : null,
        ValueKind.Map => "a map, whose entries have keys (Maps)",
        ValueKind.Sequence when output.Content is { Kind: ValueKind.Map } => "a sequence of maps, whose entries have keys (Maps)",
        ValueKind.Sequence => "a sequence",
        _ => $"of the kind {output.Kind}",
    };

    /// <summary>The number of elements in a row of an output; null: the model does not tell.</summary>
    private static long? LengthOfRow(ValueSignature output)
    {
        if (output.Kind != ValueKind.Tensor || !output.IsShapeKnown) return null;
        long? length = 1;
        for (var axis = 0; axis < output.Shape.Count; axis++)
        {
            if (axis != output.BatchAxis) length *= output.Shape[axis].Size;
        }

        return length;
    }

    private static Action<PredictionWriter, string, int?>? WriterOf(ElementType type, double[] row) => type switch
    {
        ElementType.Float => WriterOf(Array.ConvertAll(row, static number => (float)number)),
        ElementType.Double => WriterOf(row),
        ElementType.Float16 => WriterOf(Array.ConvertAll(row, static number => (Half)number)),
        ElementType.Int8 => WriterOf(Array.ConvertAll(row, static number => (sbyte)number)),
        ElementType.UInt8 => WriterOf(Array.ConvertAll(row, static number => (byte)number)),
        ElementType.Int16 => WriterOf(Array.ConvertAll(row, static number => (short)number)),
        ElementType.UInt16 => WriterOf(Array.ConvertAll(row, static number => (ushort)number)),
        ElementType.Int32 => WriterOf(Array.ConvertAll(row, static number => (int)number)),
        ElementType.UInt32 => WriterOf(Array.ConvertAll(row, static number => (uint)number)),
        ElementType.Int64 => WriterOf(Array.ConvertAll(row, static number => (long)number)),
        ElementType.UInt64 => WriterOf(Array.ConvertAll(row, static number => (ulong)number)),
        _ => null,
    };

    private static Action<PredictionWriter, string, int?> WriterOf<T>(T[] row) => (writer, name, rows) =>
    {
        var target = rows is { } count ? writer.AddTensor<T>(name, count, row.Length) : writer.AddTensor<T>(name, row.Length);
        for (; target.Length >= row.Length && row.Length > 0; target = target[row.Length..])
            row.CopyTo(target);
    };

    public override IEnumerable<string> ProblemsOf(string name, IPredictor model, IPredictor? other = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return ProblemsOf(name, model.Signature.Outputs);
    }

    public override IEnumerable<string> ProblemsOf(string name, IReadOnlyList<ValueSignature> outputs, string? key = null)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        var chain = $"The fallback chain of model '{name}'{(key is null ? "" : $" ({key})")}";
        List<string> given = [.. Outputs];
        List<string> names = [.. outputs.Select(static output => output.Name)];
        var unknown = given.Where(output => !names.Contains(output, StringComparer.Ordinal)).Select(output =>
            $"{chain} gives a value to '{output}', which the model does not have.{new NearestName(output, names)} It has: "
            + $"{Listed(names)}.");
        List<string> missing = [.. names.Where(output => !given.Contains(output, StringComparer.Ordinal))];
        IEnumerable<string> left = missing.Count > 0 && given.Exists(output => names.Contains(output, StringComparer.Ordinal))
            ? [$"{chain} gives no value to {Listed(missing)}: what stands in for an answer must have every output. "
                + $"The model has: {Listed(names)}. Give each a value, or take the value out of the chain."]
            : [];
        return unknown.Concat(left).Concat(outputs.Where(output => given.Contains(output.Name, StringComparer.Ordinal))
            .Select(MisfitOf).OfType<string>().Select(misfit => $"{chain} {misfit}"));
    }

    private static string Listed(IEnumerable<string> names) => string.Join(", ", names.Select(static name => $"'{name}'"));

    internal override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        var (outputs, wanted) = (_outputs, options?.Outputs);
        int? rows = inputs.IsRow ? null : inputs.RowCount ?? RowsOf(in inputs);
        if (wanted?.FirstOrDefault(name => !Array.Exists(outputs, output => output.Output == name)) is { } missing)
        {
            return new(Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.OutputUnknown,
                "The value that stands in for model '{0}' has no output '{1}'.", owner.Model, missing)));
        }

        var writer = PredictionWriter.Create();
        foreach (var (output, _, write) in outputs)
        {
            if (wanted is null || wanted.Contains(output, StringComparer.Ordinal)) write(writer, output, rows);
        }

        return new(writer.Complete());
    }

    /// <summary>If only shapes tell the rows: the size of the first axis.</summary>
    private static int RowsOf(in PredictionInputs inputs)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            if (PredictionInputs.ItemOf(in inputs, i).Elements.Shape is { Length: > 0 } shape) return (int)Math.Min(int.MaxValue, shape[0]);
        }

        return 1;
    }
}
