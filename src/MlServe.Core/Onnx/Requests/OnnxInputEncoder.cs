using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Makes the runtime's own values of inputs, and holds them against a model's signature as a prediction does. For packages that run
/// sessions of their own. Immutable and safe for concurrent use.
/// </summary>
/// <param name="signature">The model's.</param>
/// <param name="maxBytes">The most that the inputs of one request may have.</param>
[Experimental("MLSERVE001")]
public sealed class OnnxInputEncoder(ModelSignature signature, long maxBytes = int.MaxValue)
{
    private readonly RequestChecker _checker = new(signature ?? throw new ArgumentNullException(nameof(signature)), maxBytes);

    /// <summary>Holds inputs against the signature. Runs nothing and keeps nothing.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="rows">The rows in them if they fit; 1 for a model that is not batchable.</param>
    /// <returns>Null, or why they do not fit.</returns>
    /// <exception cref="InvalidOperationException">Their memory cannot be read because its owner throws.</exception>
    public PredictionError? Check(in PredictionInputs inputs, out int rows)
    {
        var error = _checker.Check(in inputs, null, out var request);
        rows = request.Rows;
        return error;
    }

    /// <summary>Copies inputs into values of the runtime, in the shapes that the model takes: a row gets its batch axis.</summary>
    /// <param name="inputs">The inputs. An absent value is left out.</param>
    /// <returns>A value for each input that is given, by the name of the model's input; to be disposed by the caller.</returns>
    /// <exception cref="ArgumentException">They do not fit: <see cref="Check"/> says why.</exception>
    /// <exception cref="InvalidOperationException">Their memory cannot be read because its owner throws.</exception>
    public IReadOnlyDictionary<string, OrtValue> Encode(in PredictionInputs inputs)
    {
        if (Check(in inputs, out var rows) is { } error) throw new ArgumentException(error.Message, nameof(inputs));
        var values = new Dictionary<string, OrtValue>(inputs.Count, StringComparer.Ordinal);
        try
        {
            for (var i = 0; i < inputs.Count; i++)
            {
                ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
                if (input.Kind == ValueKind.Optional) continue;
                var declared = signature.Inputs[
                    input.Name is { } name ? signature.IndexOfInput(name) : signature.SoleRequiredInput];
                values.Add(declared.Name, OrtInputs.Create(input.Kind == ValueKind.Tensor
                    ? PredictionInput.Named(declared.Name, Shaped(input.Elements, ShapeOf(declared, input.Elements, inputs.IsRow, rows)))
                    : input));
            }

            return values;
        }
        catch
        {
            foreach (var value in values.Values)
                value.Dispose();
            throw;
        }
    }

    private static long[] ShapeOf(ValueSignature declared, in BorrowedTensor elements, bool isRow, int rows)
    {
        if (elements.Shape is { } given)
        {
            if (!isRow || declared.BatchAxis is not { } axis) return given;
            return [.. given[..axis], 1, .. given[axis..]];
        }

        // A flat list: what the signature leaves open is found from the length; the check has seen that this is possible.
        var shape = new long[declared.Shape.Count];
        long known = 1;
        var open = -1;
        for (var i = 0; i < shape.Length; i++)
        {
            if (i == declared.BatchAxis) shape[i] = rows;
            else if (declared.Shape[i].Size is { } size) shape[i] = size;
            else open = i;
            if (i != open) known *= shape[i];
        }

        if (open >= 0) shape[open] = known == 0 ? 0 : elements.Length / known;
        return shape;
    }

    private static BorrowedTensor Shaped(in BorrowedTensor elements, long[] shape) => elements.Type == ElementType.String
        ? BorrowedTensor.From(elements.AsSpan<string>().ToArray(), shape)
        : BorrowedTensor.FromBytes(elements.Type, TypedBytes.Of(elements).ToArray(), checked((int)elements.Length), shape);
}
