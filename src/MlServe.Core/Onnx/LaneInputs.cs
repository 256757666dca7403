namespace MlServe.Onnx;

/// <summary>Lays out a lane's inputs from a shape's list of sizes.</summary>
internal static class LaneInputs
{
    /// <summary>One entry for each input of the signature; null for one that is absent.</summary>
    public static LaneInput?[] Create(ModelSignature signature, LaneShape shape, int capacity)
    {
        var inputs = new LaneInput?[signature.Inputs.Count];
        var sizes = shape.Sizes;
        for (var i = 0; i < inputs.Length; i++)
        {
            var input = signature.Inputs[i];
            if (!sizes.IsEmpty && sizes[0] == LaneShape.AbsentInput)
            {
                sizes = sizes[1..];
                continue;
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

            inputs[i] = new(input, sizes[..rank], capacity);
            sizes = sizes[rank..];
        }

        return inputs;
    }
}
