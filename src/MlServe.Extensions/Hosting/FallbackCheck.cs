using MlServe.Features;
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
            ? ProblemsOf(
                model.Name, version, version.Settings.InForce.Fallback.Count > 0 ? model.Key : null, fallback.Steps,
                fallback.StaleAnswers is not null, find)
            : [];

    /// <param name="name">The name of the model.</param>
    /// <param name="model">A version of it.</param>
    /// <param name="key">The model's key in configuration, if its chain stands there; null: code says it.</param>
    /// <param name="steps">Its chain.</param>
    /// <param name="keepsAnswers">Whether somebody keeps answers of it.</param>
    /// <param name="find">Finds another model of the host.</param>
    public static IEnumerable<string> ProblemsOf(
        string name, IPredictor model, string? key, IEnumerable<FallbackStep> steps, bool keepsAnswers, Func<string, ModelEntry?> find) =>
        steps.SelectMany((step, i) => step switch
        {
            ModelStep other when find(other.Name)?.Versions.Last is { } target => ProblemsOf(name, model, other, target),
            StaleAnswerStep when !keepsAnswers =>
                [$"The fallback chain of model '{name}' has stale answers, and nobody keeps any. Call UseCache, or set UseCache to true."],
            ValueStep value => FallbackValues.ProblemsOf(
                name, key is null ? null : $"{key}:{nameof(ModelOptions.Fallback)}:{i}", model.Signature.Outputs, value),
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

    private static bool RunsOnCpu(IPredictor model) =>
        model.GetService<OnnxModelDescription>() is not { } description || description.ExecutionProvider == "CPUExecutionProvider";
}
