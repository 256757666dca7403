using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>The position of the axis to pad in a model's inputs and outputs.</summary>
internal sealed class PaddedAxis
{
    private readonly int[] _inputAxes;
    private readonly Dictionary<string, int> _outputAxes = new(StringComparer.Ordinal);

    private PaddedAxis(ModelSignature signature, int[] inputAxes, int mask)
    {
        Signature = signature;
        _inputAxes = inputAxes;
        MaskIndex = mask;
    }

    public ModelSignature Signature { get; }

    /// <summary>The position of the mask among the inputs, or -1.</summary>
    public int MaskIndex { get; }

    /// <exception cref="ArgumentException">The model has no such axis, or no such mask.</exception>
    public static PaddedAxis Find(ModelSignature signature, PaddingOptions options)
    {
        var symbol = options.Axis!;
        int[] inputAxes = [.. signature.Inputs.Select(input => AxisIn(input, symbol))];
        if (Array.TrueForAll(inputAxes, static axis => axis < 0))
            throw new ArgumentException(
                $"Padding:Axis is '{symbol}', and no input has a free axis of that name. The model has: {signature.InputNames}.");

        var mask = options.MaskInput is null ? -1 : signature.IndexOfInput(options.MaskInput);
        if (options.MaskInput is not null && (mask < 0 || inputAxes[mask] < 0 || signature.Inputs[mask].ElementType == ElementType.String))
        {
            throw new ArgumentException(
                $"Padding:MaskInput is '{options.MaskInput}'; it must be an input of numbers with the axis '{symbol}'. The model has: "
                + $"{signature.InputNames}.");
        }

        var found = new PaddedAxis(signature, inputAxes, mask);
        foreach (var output in signature.Outputs)
        {
            if (AxisIn(output, symbol) is >= 0 and var axis) found._outputAxes.Add(output.Name, axis);
        }

        return found;
    }

    /// <summary>The axis in an input, the batch axis counted; -1 if the input has none.</summary>
    public int AxisOf(int input) => _inputAxes[input];

    public bool LacksMask(in PredictionInputs inputs) => MaskIndex >= 0 && Find(in inputs, MaskIndex) < 0;

    /// <summary>
    /// The size that a request has on the axis; -1 if the request is not right or its inputs differ. A request without its mask is looked
    /// at as if it had one.
    /// </summary>
    public long LengthOf(IModelExecutor executor, in PredictionInputs inputs, PredictionOptions? options, out int rows)
    {
        rows = 1;
        long length = -1;
        for (var index = 0; index < _inputAxes.Length; index++)
        {
            var position = Find(in inputs, index);
            if (_inputAxes[index] < 0 || position < 0) continue;
            var signature = Signature.Inputs[index];
            if (ShapeOf(in PredictionInputs.ItemOf(in inputs, position), index, in inputs) is not { } shape) return -1;
            var leavesOut = inputs.IsRow && signature.BatchAxis is not null;
            if (!leavesOut && signature.BatchAxis is { } batchAxis) rows = (int)Math.Min(shape[batchAxis], int.MaxValue);
            var size = shape[AxisIn(signature, index, leavesOut)];
            if (length >= 0 && size != length) return -1;
            length = size;
        }

        if (LacksMask(in inputs)) return length;
        return executor.Prepare(in inputs, options, out _) is null ? length : -1;
    }

    /// <summary>
    /// The shape of a value that has the axis, as it came or as it follows from a flat list's length. Null if the value is not right.
    /// </summary>
    public long[]? ShapeOf(in PredictionInput input, int index, in PredictionInputs inputs)
    {
        if (input.Kind != ValueKind.Tensor) return null;
        var signature = Signature.Inputs[index];
        var leavesOut = inputs.IsRow && signature.BatchAxis is not null;
        var rank = signature.Shape.Count - (leavesOut ? 1 : 0);
        if (input.Elements.Shape is { } given) return given.Length == rank && Shapes.Count(given) == input.Elements.Length ? given : null;

        var shape = new long[rank];
        var used = 0;
        long known = 1;
        for (var axis = 0; axis < signature.Shape.Count; axis++)
        {
            if (axis == signature.BatchAxis && leavesOut) continue;
            var size = axis == _inputAxes[index] ? 1 : axis == signature.BatchAxis ? inputs.RowCount : signature.Shape[axis].Size;
            if (size is not > 0) return null;
            shape[used++] = size.Value;
            known *= size.Value;
        }

        if (input.Elements.Length % known != 0) return null;
        shape[AxisIn(signature, index, leavesOut)] = input.Elements.Length / known;
        return shape;
    }

    /// <summary>The position of the axis in the shape of a value, which leaves out the batch axis or not.</summary>
    public int AxisIn(ValueSignature signature, int input, bool leavesOutBatchAxis) =>
        _inputAxes[input] - (leavesOutBatchAxis && signature.BatchAxis < _inputAxes[input] ? 1 : 0);

    /// <summary>The position of an input among those that were given, or -1.</summary>
    public int Find(in PredictionInputs inputs, int index)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            var name = PredictionInputs.ItemOf(in inputs, i).Name;
            if (name is null ? index == Signature.SoleRequiredInput : Signature.IndexOfInput(name) == index) return i;
        }

        return -1;
    }

    /// <summary>A copy of an answer without the elements that were computed for filling.</summary>
    public Prediction CutBack(Prediction prediction, long length, long bucket)
    {
        var state = PredictionState.Rent();
        for (var i = 0; i < prediction.Count; i++)
        {
            var source = prediction.ValueAt(i);
            var target = state.Add();
            var axis = source.Kind == ValueKind.Tensor && _outputAxes.TryGetValue(source.Name, out var declared) ? declared : -1;
            if (axis >= 0)
            {
                // An answer to a row leaves the batch axis out.
                var output = Signature.Outputs[Signature.IndexOfOutput(source.Name)];
                if (source.Rank < output.Shape.Count && output.BatchAxis < axis) axis--;
            }

            if (axis < 0 || axis >= source.Rank || source.Shape[axis] != bucket) target.CopyFrom(source);
            else Cut(source, target, axis, (int)length);
        }

        state.Origin = prediction.Origin;
        return new(state);
    }

    private static void Cut(OutputValue source, OutputValue target, int axis, int length)
    {
        var shape = source.Shape.ToArray();
        var whole = (int)shape[axis];
        shape[axis] = length;
        target.SetTensor(source.Name, source.ElementType, shape);
        var blocks = (int)Shapes.CountBefore(shape, axis);
        var step = (int)Shapes.CountAfter(shape, axis);
        if (source.ElementType == ElementType.String)
            RowCopy.Copy<string>(source.Strings, whole, 0, target.Strings, length, 0, length, blocks, step);
        else
            RowCopy.Copy<byte>(
                source.Bytes, whole, 0, target.Bytes, length, 0, length, blocks, step * ElementTypes.SizeOf(source.ElementType));
    }

    private static int AxisIn(ValueSignature value, string symbol)
    {
        for (var axis = 0; axis < value.Shape.Count; axis++)
        {
            if (axis != value.BatchAxis && value.Shape[axis].Symbol == symbol) return axis;
        }

        return -1;
    }
}
