using System.Buffers;
using MlServe.Onnx.Finite;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Holds requests against a signature: names, kinds, element types, shapes, row counts, values that are not finite. All that managed code
/// can tell is told here, so that it never reaches the native runtime, nor another caller's batch. Immutable and safe for concurrent use.
/// </summary>
internal sealed class RequestChecker
{
    private const int StackSizes = 64;

    /// <summary>More than any model has; a shape is kept, and must not be a way to fill memory.</summary>
    private const int MaxAxes = 64;

    private readonly ModelSignature _signature;
    private readonly string _model;
    private readonly long _maxBytes;
    private readonly int _maxSizes;
    private readonly LaneShape? _onlyShape;
    private readonly LaneShapeTable _shapes = new();

    public RequestChecker(ModelSignature signature, long maxBytes, string model = "unnamed")
    {
        _signature = signature;
        _model = model;
        _maxBytes = maxBytes;
        _maxSizes = signature.Inputs.Sum(static input => Math.Max(1, input.Shape.Count));
        _onlyShape = FindOnlyShape(signature);
    }

    /// <summary>The shape of every request that is right, if there is only one.</summary>
    public LaneShape? OnlyShape => _onlyShape;

    public PredictionError? Check(in PredictionInputs inputs, PredictionOptions? options, out PreparedRequest request)
    {
        request = default;
        var outputs = OutputSelection.Resolve(_signature, options, out var error);
        if (error is not null) return error;

        var rows = inputs.RowCount ?? -1;
        if (!_signature.IsBatchable)
        {
            if (rows is not (1 or -1)) return RequestErrors.NotBatchable(_signature, rows);
            rows = 1;
        }

        // The common case, one tensor and one shape, needs no list of sizes.
        if (_onlyShape is not null && inputs.Count == 1 && _signature.Inputs.Count == 1)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, 0);
            if (input.Name is { } name && name != _signature.Inputs[0].Name) return RequestErrors.UnknownInput(_signature, name);
            error = CheckInput(0, in input, inputs.IsRow, ref rows, default, out _, out var bytes);
            if (error is null && bytes > _maxBytes) error = RequestErrors.TooLarge(bytes, _maxBytes);
            error ??= FiniteInputs.Check(_model, _signature.Inputs[0], in input, inputs.IsRow, rows);
            if (error is not null) return error;
            request = new(_onlyShape, rows, inputs.IsRow, outputs);
            return null;
        }

        return CheckMany(inputs, outputs, rows, out request);
    }

    private PredictionError? CheckMany(in PredictionInputs inputs, OutputSelection outputs, int rows, out PreparedRequest request)
    {
        request = default;
        var count = _signature.Inputs.Count;
        int[]? rentedGiven = null;
        long[]? rentedSizes = null;
        try
        {
            // given[i]: one more than the position of what was given for the model's input i.
            var given = count <= StackSizes ? stackalloc int[count] : (rentedGiven = ArrayPool<int>.Shared.Rent(count)).AsSpan(0, count);
            given.Clear();
            for (var i = 0; i < inputs.Count; i++)
            {
                ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
                var index = input.Name is null ? _signature.SoleRequiredInput : _signature.IndexOfInput(input.Name);
                if (index < 0) return RequestErrors.UnknownInput(_signature, input.Name);
                if (given[index] != 0) return RequestErrors.DoubledInput(_signature.Inputs[index]);
                given[index] = i + 1;
            }

            Span<long> stack = stackalloc long[StackSizes];
            var maxSizes = Math.Max(_maxSizes, MaxSizesOf(inputs, given));
            var sizes = maxSizes <= StackSizes ? stack : rentedSizes = ArrayPool<long>.Shared.Rent(maxSizes);
            var used = 0;
            long bytes = 0;

            // Row counts that are stated by a shape come first, so that flat lists can follow them.
            for (var pass = rows < 0 ? 0 : 1; pass < 2; pass++)
            {
                used = 0;
                bytes = 0;
                for (var index = 0; index < count; index++)
                {
                    var signature = _signature.Inputs[index];
                    if (given[index] == 0)
                    {
                        if (!signature.IsOptional && signature.Kind != ValueKind.Optional)
                            return RequestErrors.MissingInput(_signature, signature);
                        sizes[used++] = LaneShape.AbsentInput;
                        continue;
                    }

                    ref readonly var input = ref PredictionInputs.ItemOf(in inputs, given[index] - 1);
                    if (pass == 0 && input.Elements.Shape is null) continue;
                    var error = CheckInput(index, in input, inputs.IsRow, ref rows, sizes[used..], out var inputSizes, out var inputBytes);
                    if (error is not null) return error;
                    used += inputSizes;
                    bytes += inputBytes;
                }
            }

            if (rows < 0) return RequestErrors.RowsNeeded(_signature);
            if (bytes > _maxBytes) return RequestErrors.TooLarge(bytes, _maxBytes);
            if (CheckFinite(in inputs, given, rows) is { } notFinite) return notFinite;
            request = new(_onlyShape ?? _shapes.Get(sizes[..used]), rows, inputs.IsRow, outputs);
            return null;
        }
        finally
        {
            if (rentedGiven is not null) ArrayPool<int>.Shared.Return(rentedGiven);
            if (rentedSizes is not null) ArrayPool<long>.Shared.Return(rentedSizes);
        }
    }

    private PredictionError? CheckFinite(in PredictionInputs inputs, ReadOnlySpan<int> given, int rows)
    {
        for (var index = 0; index < given.Length; index++)
        {
            if (given[index] == 0) continue;
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, given[index] - 1);
            if (FiniteInputs.Check(_model, _signature.Inputs[index], in input, inputs.IsRow, rows) is { } error) return error;
        }

        return null;
    }

    /// <summary>Checks one input and writes its sizes without the batch axis.</summary>
    /// <param name="index">Its position in the signature.</param>
    /// <param name="input">The given value.</param>
    /// <param name="isRow">Whether shapes leave out the batch axis.</param>
    /// <param name="rows">The number of rows, -1 as long as nobody has said it.</param>
    /// <param name="sizes">The destination of the sizes; empty if they are not wanted.</param>
    /// <param name="used">How many were written.</param>
    /// <param name="bytes">The bytes that the input takes.</param>
    private PredictionError? CheckInput(
        int index, in PredictionInput input, bool isRow, ref int rows, Span<long> sizes, out int used, out long bytes)
    {
        used = 0;
        bytes = 0;
        var signature = _signature.Inputs[index];
        if (input.Kind == ValueKind.Optional && (signature.IsOptional || signature.Kind == ValueKind.Optional))
        {
            sizes[used++] = LaneShape.AbsentInput;
            return null;
        }

        if (signature.Kind != ValueKind.Tensor)
        {
            if (signature.Kind != ValueKind.Optional && input.Kind != signature.Kind) return RequestErrors.WrongKind(signature, input.Kind);
            sizes[used++] = LaneShape.HeldInput;
            return HeldValue.Check(signature, in input, ref bytes);
        }

        if (input.Kind != ValueKind.Tensor) return RequestErrors.WrongKind(signature, input.Kind);
        var elements = input.Elements;
        if (elements.Type != signature.ElementType) return RequestErrors.WrongType(signature, elements.Type);
        if (elements.Shape is { Length: > MaxAxes } axes) return RequestErrors.TooManyAxes(signature, axes.Length, MaxAxes);

        if (signature.IsOptional)
        {
            sizes[0] = LaneShape.PresentInput;
            sizes = sizes[1..];
        }

        bytes = elements.CountBytes(out var hasNull);
        if (hasNull) return RequestErrors.NullElement(signature);
        var error = elements.Shape is { } shape
            ? ShapedInput.Check(signature, shape, elements.Length, isRow, _signature.IsBatchable, ref rows, sizes, out used)
            : FlatInput.Check(signature, elements.Length, ref rows, sizes, out used);
        if (signature.IsOptional) used++;
        return error;
    }

    private int MaxSizesOf(in PredictionInputs inputs, ReadOnlySpan<int> given)
    {
        var sum = 0;
        for (var index = 0; index < given.Length; index++)
        {
            var rank = given[index] == 0 ? 0 : PredictionInputs.ItemOf(in inputs, given[index] - 1).Elements.Shape?.Length ?? 1;
            sum += 2 + Math.Max(rank, _signature.Inputs[index].Shape.Count);
        }

        return sum;
    }

    private static LaneShape? FindOnlyShape(ModelSignature signature)
    {
        var sizes = new List<long>();
        foreach (var input in signature.Inputs)
        {
            if (input.Kind != ValueKind.Tensor || input.IsOptional || !input.IsShapeKnown) return null;
            for (var axis = 0; axis < input.Shape.Count; axis++)
            {
                if (axis == input.BatchAxis) continue;
                if (input.Shape[axis].Size is not { } size) return null;
                sizes.Add(size);
            }
        }

        return new([.. sizes]);
    }
}
