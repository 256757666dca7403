using MlServe.Tensors;

namespace MlServe;

/// <summary>Joins the answers to parts of a request along the batch axis.</summary>
internal static class PredictionJoin
{
    /// <param name="parts">Answers that are Ok, with their batch axes, in the order of the rows; copied, not disposed.</param>
    /// <param name="outputs">The outputs that they hold.</param>
    public static Prediction Join(ReadOnlySpan<Prediction> parts, OutputSelection outputs)
    {
        var state = PredictionState.Rent();
        for (var i = 0; i < outputs.IndexSpan.Length; i++)
        {
            var signature = outputs.Signature.Outputs[outputs.IndexSpan[i]];
            var values = new OutputValue[parts.Length];
            for (var part = 0; part < values.Length; part++)
                values[part] = parts[part].ValueAt(i);

            if (values[0].Kind == ValueKind.Tensor) JoinTensors(values, signature.BatchAxis ?? 0, state.Add());
            else JoinSequences(values, state.Add());
        }

        state.Origin = parts[0].Origin;
        return new(state);
    }

    private static void JoinTensors(OutputValue[] values, int axis, OutputValue target)
    {
        var first = values[0];
        var shape = first.Shape.ToArray();
        shape[axis] = values.Sum(value => value.Shape[axis]);
        target.SetTensor(first.Name, first.ElementType, shape);

        var blocks = (int)Shapes.CountBefore(shape, axis);
        var rowLength = (int)Shapes.CountAfter(shape, axis);
        var size = Math.Max(1, ElementTypes.SizeOf(first.ElementType));
        var row = 0;
        foreach (var value in values)
        {
            var rows = (int)value.Shape[axis];
            if (first.ElementType == ElementType.String)
                RowCopy.Copy<string>(value.Strings, rows, 0, target.Strings, (int)shape[axis], row, rows, blocks, rowLength);
            else
                RowCopy.Copy<byte>(value.Bytes, rows, 0, target.Bytes, (int)shape[axis], row, rows, blocks, rowLength * size);
            row += rows;
        }
    }

    private static void JoinSequences(OutputValue[] values, OutputValue target)
    {
        target.SetComposite(values[0].Name, ValueKind.Sequence, values.Sum(static value => value.Length));
        foreach (var value in values)
        {
            foreach (var child in value.Children)
                target.AddChild().CopyFrom(child);
        }
    }
}
