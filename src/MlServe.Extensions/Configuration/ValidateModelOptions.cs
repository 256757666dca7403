using Microsoft.Extensions.Options;

namespace MlServe.Configuration;

/// <summary>Checks one model's name, configuration and options.</summary>
internal sealed class ValidateModelOptions(ModelCatalog catalog, ModelSections sections) : IValidateOptions<ModelOptions>
{
    public ValidateOptionsResult Validate(string? name, ModelOptions options)
    {
        var model = name ?? "";
        var key = catalog.KeyOf(model);
        if (ModelName.ProblemOf(model) is { } problem) return ValidateOptionsResult.Fail($"{key}: '{model}' cannot name a model; {problem}");

        List<string> problems = [.. catalog.SectionsOf(model).SelectMany(static section => ConfigurationShape.Check(section, typeof(ModelOptions)))];
        if (problems.Count == 0) problems.AddRange(options.Validate().Select(message => $"{key}:{message}"));
        problems.AddRange(sections.Check(model));
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
