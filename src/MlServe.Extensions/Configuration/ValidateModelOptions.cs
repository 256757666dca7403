using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using MlServe.Features;

namespace MlServe.Configuration;

/// <summary>Checks one model's name, configuration and options, and takes the copy of them that a load uses.</summary>
internal sealed class ValidateModelOptions(ModelCatalog catalog, FeatureCatalog features) : IValidateOptions<ModelOptions>
{
    public ValidateOptionsResult Validate(string? name, ModelOptions options)
    {
        var model = name ?? "";
        var key = catalog.KeyOf(model);
        if (ModelName.ProblemOf(model) is { } problem)
            return ValidateOptionsResult.Fail($"{key}: '{model}' cannot name a model; {problem}");

        List<IConfigurationSection> sections = [.. catalog.SectionsOf(model)];
        List<string> unread = [.. sections.SelectMany(features.Check)];
        var invalid = options.Validate().Concat(options.ValidateChain()).Concat(features.Validate(options))
            .Select(message => $"{key}:{message}")
            .Concat(features.Unused(model, sections, options))
            .Concat(features.Unread(options).Select(message => $"{key}: {message}"));
        List<string> problems = [.. Faults.Together(unread, invalid)];
        if (problems.Count > 0) return ValidateOptionsResult.Fail(problems);
        options.Freeze(features);
        return ValidateOptionsResult.Success;
    }
}
