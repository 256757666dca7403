using Microsoft.Extensions.Options;
using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>Checks the host's options and those of all its models, so that one start tells all that is wrong.</summary>
internal sealed class ValidateMlServingOptions(ModelCatalog catalog, IOptionsMonitor<ModelOptions> models) : IValidateOptions<MlServingOptions>
{
    public ValidateOptionsResult Validate(string? name, MlServingOptions options)
    {
        List<string> problems = [.. catalog.Sections.SelectMany(static section => ConfigurationShape.Check(section, typeof(MlServingOptions)))];
        if (problems.Count == 0) problems.AddRange(options.Validate().Select(problem => $"{catalog.Key}:{problem}"));

        List<string> defaults = [];
        Dictionary<string, IReadOnlyList<FallbackStep>> chains = new(ModelName.Comparer);
        foreach (var model in catalog.Names)
        {
            try
            {
                var modelOptions = models.Get(model);
                if (modelOptions.IsDefault) defaults.Add(model);
                chains[model] = modelOptions.FallbackSteps();
            }
            catch (OptionsValidationException exception)
            {
                problems.AddRange(exception.Failures);
            }
        }

        if (defaults.Count > 1)
        {
            problems.Add($"The models {string.Join(", ", defaults.Select(static model => $"'{model}'"))} are all marked as the default; one may be. "
                + $"Leave out AsDefault(), or set {catalog.KeyOf(defaults[^1])}:{nameof(ModelOptions.IsDefault)} to false.");
        }

        problems.AddRange(FallbackGraph.ProblemsOf(catalog.Names, chains, catalog.KeyOf));
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
