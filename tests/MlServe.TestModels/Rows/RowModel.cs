namespace MlServe.TestModels;

/// <summary>A generated model of which it is claimed whether its rows depend on each other.</summary>
/// <param name="Kind">How it was made, in a few words.</param>
/// <param name="Bytes">The ONNX file.</param>
/// <param name="Inputs">Its inputs, in their order.</param>
/// <param name="IsDependent">The claim.</param>
/// <param name="MakeRows">
/// Makes a batch: the rows of each input, and for a dependent model rows of which one changes another's answer. Null: random rows of as
/// many as asked for.
/// </param>
public sealed record RowModel(
    string Kind, byte[] Bytes, IReadOnlyList<RowInput> Inputs, bool IsDependent,
    Func<Random, RowModel, IReadOnlyDictionary<string, RowTensor>>? MakeRows)
{
    /// <summary>A batch for each input by name, joined along its axis.</summary>
    public IReadOnlyDictionary<string, RowTensor> Make(Random random, int rows) =>
        MakeRows?.Invoke(random, this) ?? MakeRandom(random, rows);

    /// <summary>Random rows.</summary>
    public IReadOnlyDictionary<string, RowTensor> MakeRandom(Random random, int rows) => Inputs.ToDictionary(
        static input => input.Name,
        input => input.Axis is { } axis
            ? RowTensor.Join(axis, [.. Enumerable.Range(0, rows).Select(_ => input.Make(random))])
            : input.Make(random));

    /// <summary>The same with the axis of each input.</summary>
    public IReadOnlyDictionary<string, (RowTensor Value, int? Axis)> WithAxes(IReadOnlyDictionary<string, RowTensor> values) =>
        Inputs.ToDictionary(static input => input.Name, input => (values[input.Name], input.Axis));
}
