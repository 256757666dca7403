namespace MlServe.Resilience;

/// <summary>Says whether values can stand in for a model: for every output, of its type, of the length of its rows.</summary>
internal static class ValueFit
{
    /// <summary>The misfits: one message each.</summary>
    /// <param name="name">The name of the model.</param>
    /// <param name="signature">The model's.</param>
    /// <param name="value">The values.</param>
    public static IEnumerable<string> ProblemsOf(string name, ModelSignature signature, ValueStep value)
    {
        List<string> given = [.. value.Outputs];
        foreach (var output in given.Where(output => signature.IndexOfOutput(output) < 0))
        {
            yield return $"The fallback chain of model '{name}' gives a value to '{output}', which the model does not have. It has: "
                + $"{signature.OutputNames}.";
        }

        List<string> missing =
            [.. signature.Outputs.Select(static output => output.Name).Where(output => !given.Contains(output, StringComparer.Ordinal))];
        if (missing.Count > 0 && given.Exists(output => signature.IndexOfOutput(output) >= 0))
        {
            yield return $"The fallback chain of model '{name}' gives no value to "
                + $"{string.Join(", ", missing.Select(static output => $"'{output}'"))}: "
                + $"what stands in for an answer must have every output. The model has: {signature.OutputNames}. Give each a value, or "
                + "take the value out of the chain.";
        }

        foreach (var output in given.Where(value.IsOfNumbers))
        {
            if (signature.IndexOfOutput(output) is >= 0 and var index && NotOfNumbers(signature.Outputs[index]) is { } kind)
            {
                yield return $"The fallback chain of model '{name}' gives numbers to '{output}', which is {kind}: only tensors of numbers "
                    + "can be given so. Let a model or a function stand in (Then in code), or take the value out of the chain.";
            }
        }

        foreach (var (output, length) in value.Lengths)
        {
            if (LengthOfRow(signature, output) is { } expected && expected != length)
                yield return $"The fallback chain of model '{name}' gives '{output}' a value of {length} numbers, and a row of the "
                    + $"model's has {expected}.";
        }
    }

    /// <summary>Names an output that numbers cannot be written to; null if they can.</summary>
    private static string? NotOfNumbers(ValueSignature output) => output.Kind switch
    {
        ValueKind.Tensor => ValueStep.CanHoldNumbers(output.ElementType) ? null : $"a tensor of {output.ElementType}",
        ValueKind.Map => "a map",
        ValueKind.Sequence => "a sequence",
        _ => $"of the kind {output.Kind}",
    };

    /// <summary>How many elements a row of an output has; null if the model does not tell.</summary>
    private static long? LengthOfRow(ModelSignature signature, string output)
    {
        if (signature.IndexOfOutput(output) is var index && index < 0) return null;
        var value = signature.Outputs[index];
        if (value.Kind != ValueKind.Tensor || !value.IsShapeKnown) return null;
        long? length = 1;
        for (var axis = 0; axis < value.Shape.Count; axis++)
        {
            if (axis != value.BatchAxis) length *= value.Shape[axis].Size;
        }

        return length;
    }
}
