using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// Makes the native runtime's values of the samples that a user gives, in the same forms as for a prediction. They are held against the
/// model's signature as a prediction is.
/// </summary>
/// <param name="signature">The model's.</param>
/// <param name="constants">Inputs with defaults that no sample may give, because they become constants; null: none.</param>
/// <param name="maxBytes">The most that a sample may have.</param>
internal sealed class SampleEncoder(ModelSignature signature, IReadOnlySet<string>? constants = null, long maxBytes = int.MaxValue)
{
    private readonly RequestChecker _checker = new(signature, maxBytes);

    public EncodedSample Encode(int index, in PredictionInputs sample)
    {
        if (_checker.Check(in sample, null, out var request) is { } error)
            throw new QuantizationException(
                QuantizationFailure.InvalidSample, $"Calibration sample {index} does not fit the model: {error.Message}");

        // Without the value the runtime may hand on nothing in its place, and its C# API ends the process where that is read.
        if (signature.Inputs.FirstOrDefault(static input => input.Kind == ValueKind.Optional) is { } optional)
        {
            throw new QuantizationException(QuantizationFailure.InvalidSample,
                $"Input '{optional.Name}' is an optional; models with inputs that are no tensors are not calibrated.");
        }

        var values = new Dictionary<string, OrtValue>(sample.Count, StringComparer.Ordinal);
        try
        {
            for (var i = 0; i < sample.Count; i++)
            {
                ref readonly var input = ref PredictionInputs.ItemOf(in sample, i);
                var position = input.Name is { } name ? signature.IndexOfInput(name) : signature.SoleRequiredInput;
                var declared = signature.Inputs[position];
                if (input.Kind == ValueKind.Optional) continue;
                if (constants?.Contains(declared.Name) == true)
                {
                    throw new QuantizationException(QuantizationFailure.InvalidSample,
                        $"Calibration sample {index} gives '{declared.Name}', a weight that the model lists among its inputs and that "
                        + "becomes a constant. Leave it out of the samples, "
                        + $"or keep such inputs ({nameof(PreprocessingOptions)}.{nameof(PreprocessingOptions.KeepWeightInputs)}).");
                }

                if (input.Kind != ValueKind.Tensor)
                {
                    throw new QuantizationException(QuantizationFailure.InvalidSample,
                        $"Input '{declared.Name}' is a {input.Kind.ToString().ToLowerInvariant()}; models with inputs that are no tensors "
                            + "are not calibrated.");
                }

                var shape = ShapeOf(declared, input.Elements, sample.IsRow, request.Rows);
                values.Add(declared.Name, OrtInputs.Create(PredictionInput.Named(declared.Name, Shaped(input.Elements, shape))));
            }

            return new(index, request.Rows, values);
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

        // A flat list: what the signature leaves open is found from the length; the checker has seen that this is possible.
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

    private static BorrowedTensor Shaped(in BorrowedTensor elements, long[] shape)
    {
        if (elements.Type == ElementType.String) return BorrowedTensor.From(elements.AsSpan<string>().ToArray(), shape);
        return BorrowedTensor.FromBytes(elements.Type, TypedBytes.Of(elements).ToArray(), checked((int)elements.Length), shape);
    }
}
