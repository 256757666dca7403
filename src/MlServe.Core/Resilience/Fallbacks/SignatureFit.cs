namespace MlServe.Resilience;

/// <summary>Says whether one model can stand in for another: it takes the same requests, and gives the outputs that callers know.</summary>
public static class SignatureFit
{
    /// <summary>Says why it does not fit: inputs that the other needs or refuses, outputs that it does not give.</summary>
    /// <param name="model">The model that callers know.</param>
    /// <param name="other">The one that is to answer in its place.</param>
    /// <returns>One message for each misfit, a part of a sentence about the other; none: it can stand in.</returns>
    public static IEnumerable<string> Misfits(ModelSignature model, ModelSignature other)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(other);
        return Find(model, other);
    }

    private static IEnumerable<string> Find(ModelSignature model, ModelSignature other)
    {
        foreach (var input in model.Inputs)
        {
            var index = other.IndexOfInput(input.Name);
            if (index >= 0)
            {
                if (!Fits(input, other.Inputs[index])) yield return $"input {input} would have to be {other.Inputs[index]}";
            }
            else if (!input.IsOptional)
            {
                yield return $"it has no input '{input.Name}'";
            }
        }

        foreach (var input in other.Inputs)
        {
            if (!input.IsOptional && model.IndexOfInput(input.Name) < 0)
                yield return $"it needs an input '{input.Name}', which is not given";
        }

        foreach (var output in model.Outputs)
        {
            var index = other.IndexOfOutput(output.Name);
            if (index < 0) yield return $"it has no output '{output.Name}'";
            else if (!Fits(output, other.Outputs[index])) yield return $"its output {other.Outputs[index]} would have to be {output}";
        }
    }

    private static bool Fits(ValueSignature one, ValueSignature other)
    {
        if (one.Kind != other.Kind || one.ElementType != other.ElementType) return false;
        if (!one.IsShapeKnown || !other.IsShapeKnown) return true;
        if (one.Shape.Count != other.Shape.Count) return false;
        for (var axis = 0; axis < one.Shape.Count; axis++)
        {
            if (one.Shape[axis].Size is { } size && other.Shape[axis].Size is { } otherSize && size != otherSize && axis != one.BatchAxis)
                return false;
        }

        return true;
    }
}
