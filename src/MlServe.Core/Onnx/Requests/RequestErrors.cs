using MlServe.Onnx.Finite;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// The faults of a request: each message names the input, the value that came, the value that is expected, and the remedy.
/// </summary>
internal static class RequestErrors
{
    public static PredictionError NotBatchable(ModelSignature signature, int rows) => Invalid(PredictionErrorCode.NotBatchable,
        "The model takes one row at a time, and {0} came. Send them one by one. ({1})", rows, signature.BatchingNote);

    public static PredictionError UnknownInput(ModelSignature signature, string? name) => name is null
        ? Invalid(PredictionErrorCode.InputUnknown,
            "A value without a name came, and the model has several inputs. Name each: PredictionInput.Tensor(name, values). It has: {0}.",
            signature.InputNames)
        : Invalid(PredictionErrorCode.InputUnknown, "There is no input '{0}'.{1} The model has: {2}.", name,
            signature.NearestInput(name), signature.InputNames);

    public static PredictionError DoubledInput(ValueSignature input) =>
        Invalid(PredictionErrorCode.InputDuplicated, "Input '{0}' is given twice. Give it once.", input.Name);

    public static PredictionError MissingInput(ModelSignature signature, ValueSignature input) => Invalid(PredictionErrorCode.InputMissing,
        "Input {0} is missing. The model needs: {1}.", input, signature.InputNames);

    public static PredictionError WrongKind(ValueSignature input, ValueKind came) => Invalid(PredictionErrorCode.InputKindMismatch,
        "Input {0} is of kind {1}, and a value of kind {2} came. Use PredictionInput.{3}.", input, input.Kind, came,
        input.Kind switch
        {
            ValueKind.Tensor => "Tensor",
            ValueKind.Sequence => "SequenceOf",
            ValueKind.Map => "MapOf",
            _ => "Tensor or SequenceOf",
        });

    public static PredictionError WrongType(ValueSignature input, ElementType came) => Invalid(PredictionErrorCode.InputTypeMismatch,
        "Input {0} holds {1}, and elements of type {2} came. Convert them to {3}.",
        input, ElementTypes.NameOf(input.ElementType), ElementTypes.NameOf(came), ElementTypes.ClrNameOf(input.ElementType));

    public static PredictionError NullElement(ValueSignature input) => Invalid(PredictionErrorCode.NullElement,
        "Input {0} has a null among its strings. Use an empty string.", input);

    public static PredictionError EmptySequence(ValueSignature input) => Invalid(PredictionErrorCode.InputLengthMismatch,
        "Input {0} came as a sequence of no elements, which ONNX Runtime's API does not take. Give it at least one.", input);

    public static PredictionError TooDeep(ValueSignature input) => Invalid(PredictionErrorCode.InputKindMismatch,
        "Input {0} came as a sequence of sequences, {1} deep. No model takes that: a sequence holds tensors or maps.", input,
        OwnedInputs.MaxDepth + 1);

    public static PredictionError TooManyAxes(ValueSignature input, int axes, int most) => Invalid(PredictionErrorCode.InputRankMismatch,
        "Input {0} came with {1} axes; no more than {2} are taken.", input, axes, most);

    public static PredictionError AbsentPart(ValueSignature input) => Invalid(PredictionErrorCode.InputKindMismatch,
        "Input {0} came as a sequence with an absent element. Only a whole input can be absent: PredictionInput.Absent(\"{1}\").", input,
        input.Name);

    public static PredictionError WrongRank(ValueSignature input, long[] shape, bool leavesOutBatchAxis) =>
        Invalid(PredictionErrorCode.InputRankMismatch,
            "Input {0} has {1} axes{2}, and a value of shape {3} came. {4}", input, input.Shape.Count - (leavesOutBatchAxis ? 1 : 0),
            leavesOutBatchAxis ? " without the batch axis" : "", Shapes.Format(shape),
            leavesOutBatchAxis && shape.Length == input.Shape.Count
                ? "For a value with a batch axis use PredictionInputs.Rows in place of Row."
                : "Reshape it.");

    public static PredictionError WrongDimension(
        ValueSignature input, long[] shape, int axis, long actual, long expected, bool leavesOutBatchAxis) =>
        Invalid(PredictionErrorCode.InputDimensionMismatch,
            "Input {0} has size {1} on axis {2}, and a value of shape {3}{4} came, with {5} there.",
            input, expected, axis, Shapes.Format(shape), leavesOutBatchAxis ? " (without the batch axis)" : "", actual);

    public static PredictionError LengthAgainstShape(ValueSignature input, long length, long[] shape) =>
        Invalid(PredictionErrorCode.InputLengthMismatch,
            "Input '{0}' came with {1} elements and the shape [{2}], which {3}.", input.Name, length, string.Join(',', shape),
            Shapes.Count(shape) is var count and >= 0 ? $"has {count}" : "is negative or too large");

    public static PredictionError WrongLength(ValueSignature input, long length, long expected, int rows) =>
        Invalid(PredictionErrorCode.InputLengthMismatch,
            input.Shape.Any(static dimension => dimension.IsFree)
                && (input.BatchAxis is null || input.Shape.Count(static dimension => dimension.IsFree) > 1)
                ? "Input {0} came with {1} elements, which is no multiple of the {2} that {3} row(s) take for each step of the free axis."
                : "Input {0} came with {1} elements; {3} row(s) have {2}.",
            input, length, expected, rows < 0 ? 1 : rows);

    public static PredictionError ShapeNeeded(ValueSignature input) => Invalid(PredictionErrorCode.InputShapeNeeded,
        "Input {0} has more than one axis of free size, so a flat list of elements does not tell its shape. Give it: "
        + "PredictionInput.Tensor(\"{1}\", values, shape), or a Tensor<T>.", input, input.Name);

    public static PredictionError RowsNeeded(ModelSignature signature) => Invalid(PredictionErrorCode.RowCountMismatch,
        "Nothing that came tells the number of rows. Use PredictionInputs.Rows(rowCount, ...). The model has: {0}.", signature.InputNames);

    public static PredictionError RowMismatch(ValueSignature input, long size, int rows) => Invalid(PredictionErrorCode.RowCountMismatch,
        "Input {0} came with {1} rows on axis {2}, and the request has {3}. All inputs of a request need the same number of rows.",
        input, size, input.BatchAxis, rows);

    public static PredictionError TooLarge(long bytes, long limit) => new(PredictionStatus.TooLarge, PredictionErrorCode.RequestTooLarge,
        "The inputs take {0} bytes, more than the {1} that MaxRequestBytes allows. Send fewer rows at a time.", bytes, limit);

    public static PredictionError NotFinite(string model, ValueSignature input, NonFiniteValues kind, FinitePlace place) =>
        Invalid(PredictionErrorCode.InputNotFinite,
            "Input {0} holds {1} at element {2}, and model '{3}' is not known to take it. "
            + "Send finite numbers, or allow it: NonFiniteInputs (MlServing:Models:{3}:Onnx:NonFiniteInputs:{4}).",
            input,
            kind switch { NonFiniteValues.NaN => "a NaN", NonFiniteValues.PositiveInfinity => "an infinity", _ => "a negative infinity" },
            place, model, input.Name);

    private static PredictionError Invalid(PredictionErrorCode code, string format, params object?[] arguments) =>
        new(PredictionStatus.Invalid, code, format, arguments);
}
