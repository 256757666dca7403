using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe.Hosting;

/// <summary>Says whether those that are to answer in a model's place can, as far as only loaded models tell.</summary>
internal static class FallbackCheck
{
    public static IEnumerable<string> ProblemsOf(HostedModel model, Func<string, HostedModel?> find)
    {
        if (model.Fallback is not { } fallback || model.NotLoadedYet is not null) yield break;
        foreach (var step in fallback.Steps)
        {
            switch (step)
            {
                case ModelStep other when find(other.Name) is { NotLoadedYet: null } target:
                    if (other.After is not null && PredictorBuilderResilienceExtensions.IsSameModel(model, target) && RunsOnCpu(model) && RunsOnCpu(target))
                    {
                        yield return $"'{other.Name}' cannot be asked beside model '{model.Name}': both are made of the same file and run on the processor, where neither would be faster. "
                            + "Leave After out, or take another model.";
                    }

                    var misfits = SignatureFit.Misfits(model.Signature, target.Signature).ToList();
                    if (misfits.Count > 0) yield return $"'{other.Name}' cannot stand in for model '{model.Name}': {string.Join("; ", misfits)}. Take another for its fallback chain.";
                    break;
                case StaleAnswerStep when fallback.StaleAnswers is null:
                    yield return $"The fallback chain of model '{model.Name}' has stale answers, and nobody keeps any. Call UseCache, or set UseCache to true.";
                    break;
                case ValueStep value:
                    foreach (var output in value.Outputs.Where(output => model.Signature.IndexOfOutput(output) < 0))
                        yield return $"The fallback chain of model '{model.Name}' gives a value to '{output}', which the model does not have. It has: {model.Signature.OutputNames}.";
                    foreach (var (output, length) in value.Lengths)
                    {
                        if (LengthOfRow(model.Signature, output) is { } expected && expected != length)
                            yield return $"The fallback chain of model '{model.Name}' gives '{output}' a value of {length} numbers, and a row of the model's has {expected}.";
                    }

                    value.TakeTypesOf(model.Signature);
                    break;
            }
        }
    }

    /// <summary>How many elements a row of an output has; null where the model does not tell.</summary>
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

    private static bool RunsOnCpu(HostedModel model) => model.GetService<OnnxModelDescription>() is not { } description || description.ExecutionProvider == "CPUExecutionProvider";
}
