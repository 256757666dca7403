using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe.Hosting;

/// <summary>Says whether those that are to answer in a model's place can, as far as only loaded models tell.</summary>
internal static class FallbackCheck
{
    /// <param name="model">The model.</param>
    /// <param name="find">Finds another model of the host.</param>
    public static IEnumerable<string> ProblemsOf(ModelEntry model, Func<string, ModelEntry?> find) =>
        model.Fallback is { } fallback && model.Versions.Last is { } version
            ? ProblemsOf(model.Name, version, fallback.Steps, fallback.StaleAnswers is not null, find)
            : [];

    /// <param name="name">The name of the model.</param>
    /// <param name="model">A version of it.</param>
    /// <param name="steps">Its chain.</param>
    /// <param name="keepsAnswers">Whether somebody keeps answers of it.</param>
    /// <param name="find">Finds another model of the host.</param>
    public static IEnumerable<string> ProblemsOf(
        string name, IPredictor model, IEnumerable<FallbackStep> steps, bool keepsAnswers, Func<string, ModelEntry?> find) =>
        steps.SelectMany(step => step switch
        {
            ModelStep other when find(other.Name)?.Versions.Last is { } target => ProblemsOf(name, model, other, target),
            StaleAnswerStep when !keepsAnswers =>
                [$"The fallback chain of model '{name}' has stale answers, and nobody keeps any. Call UseCache, or set UseCache to true."],
            ValueStep value => ProblemsOf(name, model.Signature, value),
            _ => [],
        });

    private static IEnumerable<string> ProblemsOf(string name, IPredictor model, ModelStep step, ServedVersion target)
    {
        if (step.After is not null && PredictorBuilderResilienceExtensions.IsSameModel(model, target) && RunsOnCpu(model)
            && RunsOnCpu(target))
        {
            yield return $"'{step.Name}' cannot be asked beside model '{name}': both are made of the same file and run on the processor, "
                + "where neither would be faster. Leave After out, or take another model.";
        }

        var misfits = SignatureFit.Misfits(model.Signature, target.Signature).ToList();
        if (misfits.Count > 0)
            yield return $"'{step.Name}' cannot stand in for model '{name}': {string.Join("; ", misfits)}. Take another for its fallback "
                + "chain.";
    }

    private static IEnumerable<string> ProblemsOf(string name, ModelSignature signature, ValueStep value)
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

    /// <summary>What an output is that numbers cannot be written to; null where they can.</summary>
    private static string? NotOfNumbers(ValueSignature output) => output.Kind switch
    {
        ValueKind.Tensor => ValueStep.CanHoldNumbers(output.ElementType) ? null : $"a tensor of {output.ElementType}",
        ValueKind.Map => "a map",
        ValueKind.Sequence => "a sequence",
        _ => $"of the kind {output.Kind}",
    };

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

    private static bool RunsOnCpu(IPredictor model) =>
        model.GetService<OnnxModelDescription>() is not { } description || description.ExecutionProvider == "CPUExecutionProvider";
}
