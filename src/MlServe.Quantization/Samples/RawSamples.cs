namespace MlServe.Quantization.Samples;

/// <summary>Samples of a model's only input in a file without a header: rows of its type one behind the other, little-endian.</summary>
internal sealed class RawSamples(SampleModel model, string path, int rows)
{
    public void Check()
    {
        if (!File.Exists(path)) throw Unreadable($"There is no file '{path}' of samples.");
        using var samples = Read().GetEnumerator();
        samples.MoveNext();
    }

    public IEnumerable<PredictionInputs> Read()
    {
        var input = model.Sole("A file without a header");
        var dimensions = input.Type.Dimensions;
        if (dimensions is not { Count: > 0 } || dimensions.Skip(1).Any(static dimension => dimension.Size is null))
            throw Unreadable(
                $"A file without a header needs an input whose axes but the first are fixed, and '{input.Name}' is {input.Type}. "
                + "Give .npy files, which say their shape.");
        long[] shape = [1, .. dimensions.Skip(1).Select(static dimension => dimension.Size!.Value)];
        var row = ElementSizes.BytesOf(input.Type.ElementType, shape);
        if (row is null or 0) throw Unreadable($"A file without a header cannot be read for '{input.Name}', which is {input.Type}.");
        var length = new FileInfo(path).Length;
        if (length == 0 || length % row != 0)
            throw Unreadable(
                $"'{path}' has {length} bytes, and a row of '{input.Name}' {input.Type} has {row}: it does not hold whole rows.");
        var together = dimensions[0].Size ?? rows;
        using var file = File.OpenRead(path);
        for (var left = length / row.Value; left > 0; left -= together)
        {
            shape[0] = Math.Min(together, left);
            var bytes = new byte[checked(row.Value * shape[0])];
            file.ReadExactly(bytes);
            yield return PredictionInputs.Rows(SampleInput.Of(input.Name, new(input.Type.ElementType, [.. shape], bytes)));
        }
    }

    private static QuantizationException Unreadable(string message) => new(QuantizationFailure.UnreadableSamples, message);
}
