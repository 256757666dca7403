using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Lays out a lane's inputs from a shape's list of sizes.</summary>
internal static class LaneInputs
{
    /// <summary>One entry for each input of the signature; null for one that is absent.</summary>
    public static LaneInput?[] Create(ModelSignature signature, LaneShape shape, int capacity)
    {
        var inputs = new LaneInput?[signature.Inputs.Count];
        ForEach(signature, shape, (index, sizes) => inputs[index] = new(signature.Inputs[index], sizes, capacity));
        return inputs;
    }

    /// <summary>The bytes of one row of all inputs that have rows.</summary>
    public static long BytesOfRow(ModelSignature signature, LaneShape shape)
    {
        var bytes = 0L;
        ForEach(signature, shape, (index, sizes) =>
        {
            var input = signature.Inputs[index];
            if (input.BatchAxis is not null) bytes += Shapes.Count(sizes) * Math.Max(1, ElementTypes.SizeOf(input.ElementType));
        });
        return bytes;
    }

    private static void ForEach(ModelSignature signature, LaneShape shape, Action<int, ReadOnlySpan<long>> present)
    {
        var sizes = shape.Sizes;
        for (var i = 0; i < signature.Inputs.Count; i++)
        {
            var input = signature.Inputs[i];
            if (input.IsOptional || input.Kind == ValueKind.Optional)
            {
                // Only these have a mark: the list may be at the next input's where one has no sizes.
                var isAbsent = sizes[0] == LaneShape.AbsentInput;
                if (isAbsent || input.Kind == ValueKind.Tensor) sizes = sizes[1..];
                if (isAbsent) continue;
            }

            var rank = input.Shape.Count - (input.BatchAxis is null ? 0 : 1);
            if (input.Kind != ValueKind.Tensor)
            {
                sizes = sizes[1..];
                rank = 0;
            }
            else if (!input.IsShapeKnown)
            {
                rank = (int)(LaneShape.OpenInput - sizes[0]);
                sizes = sizes[1..];
            }

            present(i, sizes[..rank]);
            sizes = sizes[rank..];
        }
    }
}
