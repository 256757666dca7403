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
                version.GetService<IStaleAnswers>() is not null, find)
            : [];

    /// <param name="name">The name of the model.</param>
    /// <param name="model">A version of it.</param>
    /// <param name="key">The model's key in configuration, if its chain stands there; null: code says it.</param>
    /// <param name="steps">Its chain.</param>
    /// <param name="keepsAnswers">Whether somebody keeps answers of it.</param>
    /// <param name="find">Finds another model of the host.</param>
    public static IEnumerable<string> ProblemsOf(
        string name, IPredictor model, string? key, IEnumerable<FallbackStep> steps, bool keepsAnswers, Func<string, ModelEntry?> find) =>
        steps.SelectMany((step, i) =>
        {
            if (step.NeedsStaleAnswers && !keepsAnswers)
            {
                return [$"The fallback chain of model '{name}' has stale answers, and nobody keeps any. Call UseCache, or set UseCache to "
                    + "true."];
            }

            var target = step.Model is { } other ? find(other)?.Versions.Last : null;
            var problems = target is null
                ? step.ProblemsOf(name, model.Signature.Outputs, key is null ? null : $"{key}:{nameof(ModelOptions.Fallback)}:{i}")
                : step.ProblemsOf(name, model, target);
            return target is not null && step.After is not null && IsSameModel(model, target) && RunsOnCpu(model) && RunsOnCpu(target)
                ? problems.Prepend($"'{step.Model}' cannot be asked beside model '{name}': both are made of the same file and run on the "
                    + "processor, where neither would be faster. Leave After out, or take another model.")
                : problems;
        });

    private static bool IsSameModel(IPredictor one, IPredictor other) =>
        one.GetService<ModelIdentity>() is { Digest.Length: > 0 } identity && other.GetService<ModelIdentity>() is { } another
        && identity.Digest == another.Digest;

    private static bool RunsOnCpu(IPredictor model) =>
        model.GetService<OnnxModelDescription>() is not { } description || description.ExecutionProvider == "CPUExecutionProvider";
}
