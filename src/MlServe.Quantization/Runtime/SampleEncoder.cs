using MlServe.Onnx;

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
    private readonly OnnxInputEncoder _encoder = new(signature, maxBytes);

    public EncodedSample Encode(int index, in PredictionInputs sample)
    {
        if (_encoder.Check(in sample, out var rows) is { } error)
            throw new QuantizationException(
                QuantizationFailure.InvalidSample, $"Calibration sample {index} does not fit the model: {error.Message}");

        // Without the value the runtime may hand on nothing in its place, and its C# API ends the process where that is read.
        if (signature.Inputs.FirstOrDefault(static input => input.Kind == ValueKind.Optional) is { } optional)
        {
            throw new QuantizationException(QuantizationFailure.InvalidSample,
                $"Input '{optional.Name}' is an optional; models with inputs that are no tensors are not calibrated.");
        }

        foreach (var input in sample)
        {
            if (input.IsAbsent) continue;

            // Without a name it is for the only input that there is, or the only one that must be given: the encoder has seen that.
            var name = input.Name
                ?? (signature.Inputs is [var only] ? only : signature.Inputs.First(static declared => !declared.IsOptional)).Name;
            if (constants?.Contains(name) == true)
            {
                throw new QuantizationException(QuantizationFailure.InvalidSample,
                    $"Calibration sample {index} gives '{name}', a weight that the model lists among its inputs and that "
                    + "becomes a constant. Leave it out of the samples, "
                    + $"or keep such inputs ({nameof(PreprocessingOptions)}.{nameof(PreprocessingOptions.KeepWeightInputs)}).");
            }

            if (input.Kind != ValueKind.Tensor)
            {
                throw new QuantizationException(QuantizationFailure.InvalidSample,
                    $"Input '{name}' is a {input.Kind.ToString().ToLowerInvariant()}; models with inputs that are no tensors "
                        + "are not calibrated.");
            }
        }

        return new(index, rows, _encoder.Encode(in sample));
    }
}
