using MlServe.Onnx.Inspection;

namespace MlServe.Quantization.Samples;

/// <summary>How an array is cut into samples of one input.</summary>
/// <param name="Count">The samples.</param>
/// <param name="At">Gives one of them.</param>
internal sealed record SampleSeries(int Count, Func<int, NpyArray> At)
{
    /// <summary>
    /// An array with the input's axes has a sample in each so many rows of its first axis, unless the model fixes that axis. An array with
    /// an axis more has whole inputs along the first. An array with an axis less is a row.
    /// </summary>
    public static SampleSeries Of(NpyArray array, OnnxValueInfo input, string path, int rows)
    {
        if (input.Type.Kind != OnnxValueKind.Tensor)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"Input '{input.Name}' is {input.Type}; samples are read for inputs that are tensors.");
        if (array.Type != input.Type.ElementType)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{path}' is {array.Describe()}, and input '{input.Name}' is {input.Type}. Convert the elements: "
                    + $"array.astype('{Numpy(input.Type.ElementType)}').");
        if (array.Shape.Contains(0))
            throw new QuantizationException(QuantizationFailure.UnreadableSamples, $"'{path}' is {array.Describe()}: it has no elements.");
        if (input.Type.Dimensions is not { } declared) return new(1, _ => array);
        if (array.Shape.Length == declared.Count)
        {
            if (declared.Count == 0 || (declared[0].Size is { } size && size == array.Shape[0])) return new(1, _ => array);
            var together = declared[0].Size ?? rows;
            var all = array.Shape[0];
            if (together == 1 || declared[0].Size is null)
                return new(
                    checked((int)((all + together - 1) / together)),
                    index => array.Rows(index * together, Math.Min(together, all - (index * together))));
        }

        if (array.Shape.Length == declared.Count + 1) return new(checked((int)array.Shape[0]), array.At);
        if (array.Shape.Length == declared.Count - 1) return new(1, _ => array with { Shape = [1, .. array.Shape] });
        throw new QuantizationException(
            QuantizationFailure.UnreadableSamples,
            $"'{path}' is {array.Describe()}, and input '{input.Name}' is {input.Type}. "
                + "Give an array with these axes, or with one more in front.");
    }

    private static string Numpy(OnnxElementType type) => type switch
    {
        OnnxElementType.Float => "float32",
        OnnxElementType.Double => "float64",
        _ => type.ToString().ToLowerInvariant(),
    };
}
