using MlServe.Tensors;

namespace MlServe.Resilience;

/// <summary>The same row for every request: an answer that is known to be harmless.</summary>
internal sealed class ValueStep : FallbackStep
{
    // Replaced as a whole: requests read it while a model that has just been loaded says its types.
    private volatile (string Output, int Length, Action<PredictionWriter, string, int?> Write)[] _outputs = [];

    private readonly Dictionary<string, double[]> _numbers = new(StringComparer.Ordinal);

    internal override string Tag => "value";

    internal override bool IsInstant => true;

    public IEnumerable<string> Outputs => _outputs.Select(static output => output.Output);

    public IEnumerable<(string Output, int Length)> Lengths => _outputs.Select(static output => (output.Output, output.Length));

    /// <summary>Whether an output is given numbers, whatever the model's elements are.</summary>
    public bool IsOfNumbers(string output) => _numbers.ContainsKey(output);

    public void Add<T>(string output, T[] row)
    {
        _ = ElementTypes.Require<T>();
        _outputs = [.. _outputs, (output, row.Length, WriterOf(row))];
    }

    /// <summary>
    /// Adds numbers as configuration has them, of the type that the model's output has; float where the model is not known.
    /// </summary>
    public void AddNumbers(string output, double[] row)
    {
        _numbers.Add(output, row);
        _outputs = [.. _outputs, (output, row.Length, WriterOf(ElementType.Float, row)!)];
    }

    /// <summary>Gives numbers the types that a model's outputs have.</summary>
    public void TakeTypesOf(ModelSignature signature)
    {
        _outputs = [.. _outputs.Select(value =>
            _numbers.TryGetValue(value.Output, out var row) && signature.IndexOfOutput(value.Output) is >= 0 and var index
                && WriterOf(signature.Outputs[index].ElementType, row) is { } write
                ? (value.Output, row.Length, write)
                : value)];
    }

    /// <summary>Whether numbers can be given the type of an output.</summary>
    public static bool CanHoldNumbers(ElementType type) => WriterOf(type, []) is not null;

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

    public override IEnumerable<string> ProblemsOf(string name, IPredictor model, IPredictor? other = null) =>
        ValueFit.ProblemsOf(name, model.Signature, this);

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

    /// <summary>Where only shapes tell the rows: the size of the first axis.</summary>
    private static int RowsOf(in PredictionInputs inputs)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            if (PredictionInputs.ItemOf(in inputs, i).Elements.Shape is { Length: > 0 } shape) return (int)Math.Min(int.MaxValue, shape[0]);
        }

        return 1;
    }
}
