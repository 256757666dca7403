using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>Reads what the options say of values that are not finite.</summary>
internal static class StatedInputs
{
    /// <summary>Stands for all inputs that are not named.</summary>
    private const string Others = "*";

    /// <summary>The kinds that each input may hold as stated; null if nothing is.</summary>
    /// <exception cref="ModelLoadException">An input is named that the model does not have, or that holds no floating point.</exception>
    public static NonFiniteValues?[] Read(ModelSignature signature, OnnxModelOptions options)
    {
        var stated = new NonFiniteValues?[signature.Inputs.Count];
        if (options.NonFiniteInputs.TryGetValue(Others, out var ofOthers)) Array.Fill(stated, ofOthers);
        foreach (var (name, values) in options.NonFiniteInputs)
        {
            if (name == Others) continue;
            var index = signature.IndexOfInput(name);
            if (index < 0)
            {
                throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                    $"NonFiniteInputs names the input '{name}', which the model does not have.{signature.NearestInput(name)} It has: "
                        + $"{signature.InputNames}.");
            }

            if (signature.Inputs[index] is { Kind: ValueKind.Tensor } input && !FiniteScan.Knows(input.ElementType))
            {
                throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                    $"NonFiniteInputs names the input {input}, whose elements are always finite. Leave it out.");
            }

            stated[index] = values;
        }

        return stated;
    }
}
