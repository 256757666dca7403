using MlServe.Tensors;

namespace MlServe.Resilience;

/// <summary>The same row for every request: an answer that is known to be harmless.</summary>
internal sealed class ValueStep : FallbackStep
{
    private readonly List<(string Output, int Length, Action<PredictionWriter, string, int?> Write)> _outputs = [];

    private readonly Dictionary<string, double[]> _numbers = new(StringComparer.Ordinal);

    public override string Tag => "value";

    public override bool IsInstant => true;

    public IEnumerable<string> Outputs => _outputs.Select(static output => output.Output);

    public IEnumerable<(string Output, int Length)> Lengths => _outputs.Select(static output => (output.Output, output.Length));

    public void Add<T>(string output, T[] row)
    {
        _ = ElementTypes.Require<T>();
        _outputs.Add((output, row.Length, (writer, name, rows) =>
        {
            var target = rows is { } count ? writer.AddTensor<T>(name, count, row.Length) : writer.AddTensor<T>(name, row.Length);
            for (; target.Length >= row.Length && row.Length > 0; target = target[row.Length..])
                row.CopyTo(target);
        }
        ));
    }

    /// <summary>Adds numbers as configuration has them, of the type that the model's output has; float where the model is not known.</summary>
    public void AddNumbers(string output, double[] row)
    {
        _numbers.Add(output, row);
        Add(output, Array.ConvertAll(row, static number => (float)number));
    }

    /// <summary>Gives numbers the types that a model's outputs have.</summary>
    public void TakeTypesOf(ModelSignature signature)
    {
        foreach (var (output, row) in _numbers)
        {
            if (signature.IndexOfOutput(output) is var index && index < 0) continue;
            var at = _outputs.FindIndex(value => value.Output == output);
            switch (signature.Outputs[index].ElementType)
            {
                case ElementType.Double:
                    Replace(at, output, row);
                    break;
                case ElementType.Float16:
                    Replace(at, output, Array.ConvertAll(row, static number => (Half)number));
                    break;
                case ElementType.Int32:
                    Replace(at, output, Array.ConvertAll(row, static number => (int)number));
                    break;
                case ElementType.Int64:
                    Replace(at, output, Array.ConvertAll(row, static number => (long)number));
                    break;
            }
        }
    }

    private void Replace<T>(int at, string output, T[] row)
    {
        Add(output, row);
        _outputs[at] = _outputs[^1];
        _outputs.RemoveAt(_outputs.Count - 1);
    }

    public override ValueTask<Prediction> AnswerAsync(
        FallbackPredictor owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        var wanted = options?.Outputs;
        int? rows = inputs.IsRow ? null : inputs.RowCount ?? RowsOf(in inputs);
        if (wanted?.FirstOrDefault(name => !_outputs.Exists(output => output.Output == name)) is { } missing)
        {
            return new(Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.OutputUnknown,
                "The value that stands in for model '{0}' has no output '{1}'.", owner.Model, missing)));
        }

        var writer = PredictionWriter.Create();
        foreach (var (output, _, write) in _outputs)
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
