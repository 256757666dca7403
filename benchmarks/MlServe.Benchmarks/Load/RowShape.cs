using System.Globalization;

namespace MlServe.Benchmarks.Load;

/// <summary>Finds the shape of one row of an input, its free axes filled in from <c>--dim</c>.</summary>
internal sealed class RowShape(IReadOnlyDictionary<string, long> sizes)
{
    private const long MaxElements = 64 * 1024 * 1024;

    /// <summary>The sizes of the axes but for the batch axis.</summary>
    /// <exception cref="LoadException">The input is no tensor, its size is not known, or it is too large.</exception>
    public long[] Of(ValueSignature input, bool isBatchable)
    {
        if (input.Kind != ValueKind.Tensor || !input.IsShapeKnown)
        {
            throw new LoadException($"No rows can be made for the input {input}: it is not a tensor of known shape. "
                + "Only models whose required inputs are tensors can be load tested.");
        }

        var shape = new List<long>();
        for (var axis = 0; axis < input.Shape.Count; axis++)
        {
            if (axis != input.BatchAxis) shape.Add(SizeOf(input, axis, isBatchable));
        }

        var elements = shape.Aggregate(1.0, static (product, size) => product * size);
        if (elements > MaxElements)
            throw new LoadException($"A row of the input {input} has {elements:0} elements; a load test takes up to {MaxElements}.");
        return [.. shape];
    }

    /// <summary>Reads <c>name=size</c>.</summary>
    public static IReadOnlyDictionary<string, long> Parse(IEnumerable<string> dimensions)
    {
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var text in dimensions)
        {
            var at = text.LastIndexOf('=');
            if (at <= 0 || !long.TryParse(text[(at + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var size) || size < 1)
                throw new LoadException($"--dim is '{text}'; it must be a name and a size of 1 or more, like --dim sequence=128.");
            if (!sizes.TryAdd(text[..at], size)) throw new LoadException($"--dim gives '{text[..at]}' twice.");
        }

        return sizes;
    }

    private long SizeOf(ValueSignature input, int axis, bool isBatchable)
    {
        var dimension = input.Shape[axis];
        if (dimension.Size is { } size) return size;
        var name = dimension.Symbol ?? $"{input.Name}.{axis}";
        if (sizes.TryGetValue(name, out var given)) return given;

        // A model that takes one row at a time still has the axis.
        if (axis == 0 && !isBatchable && input.Shape.Count > 1) return 1;
        throw new LoadException($"Axis {axis} of the input {input} is free, and nothing says how long it is. Add --dim {name}=SIZE.");
    }
}
