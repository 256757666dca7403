using Microsoft.Extensions.Options;
using MlServe.Guests;
using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>
/// Checks the options of all models as configuration and code say them now, as a start would. Nothing that was kept of them counts.
/// </summary>
internal sealed class ConfigurationCheck(
    ModelCatalog catalog, IEnumerable<IConfigureOptions<ModelOptions>> configure,
    IEnumerable<IPostConfigureOptions<ModelOptions>> postConfigure,
    IEnumerable<IValidateOptions<ModelOptions>> validators, DependencyCheck dependencies)
{
    private static readonly ExtraKey[] HostKeys = [new(ConfigurationShape.Models, ConfigurationShape.CheckObject)];

    /// <summary>Without the validators, so that a fault in one part does not hide the faults of the others.</summary>
    private readonly OptionsFactory<ModelOptions> _factory = new(configure, postConfigure);

    /// <summary>The options of a model, which may not be valid.</summary>
    public ModelOptions OptionsOf(string model) => _factory.Create(model);

    /// <summary>The faults in the options of one model.</summary>
    public IEnumerable<string> ProblemsOf(string model, ModelOptions options) =>
        validators.Select(validator => validator.Validate(model, options))
            .Where(static result => result.Failed)
            .SelectMany(static result => result.Failures ?? []);

    /// <summary>The faults in the host's options and in those of its models; their files are not read.</summary>
    public IReadOnlyList<string> ProblemsOfHost(MlServingOptions options)
    {
        List<string> unread =
            [.. catalog.Sections.SelectMany(static section => ConfigurationShape.Check(section, typeof(MlServingOptions), HostKeys))];
        return
        [
            .. Faults.Together(unread, options.Validate().Select(problem => $"{catalog.Key}:{problem}")),
            .. ProblemsOfModels(),
        ];
    }

    /// <summary>The faults of the models: of each by itself, and together.</summary>
    private IEnumerable<string> ProblemsOfModels()
    {
        List<string> problems = [];
        List<string> defaults = [];
        Dictionary<string, IReadOnlyList<FallbackStep>> chains = new(ModelName.Comparer);
        foreach (var model in catalog.Names)
        {
            try
            {
                var options = OptionsOf(model);
                List<string> own = [.. ProblemsOf(model, options)];
                problems.AddRange(own);
                if (options.IsDefault) defaults.Add(model);
                if (options.UseCache && options.Cache.AcceptVaryingAnswersOf is { } varying
                    && !catalog.Names.Contains(varying, ModelName.Comparer))
                {
                    problems.Add(
                        $"{catalog.KeyOf(model)}:{nameof(ModelOptions.Cache)}:"
                        + $"{nameof(options.Cache.AcceptVaryingAnswersOf)} is '{varying}'. "
                        + $"{catalog.NoSuchModel(varying, catalog.Names)}");
                }

                if (!own.Exists(IsOfChain)) chains[model] = options.FallbackSteps();
            }
#pragma warning disable CA1031 // Options are made by code of the application's too, and the other models are to be told of as well.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                problems.Add($"{catalog.KeyOf(model)}: the options could not be made. {ExceptionText.Of(exception)}");
            }
        }

        if (defaults.Count > 1)
        {
            problems.Add(
                $"The models {string.Join(", ", defaults.Select(static model => $"'{model}'"))} are all marked as the default; one may be. "
                + $"Leave out AsDefault(), or set {catalog.KeyOf(defaults[^1])}:{nameof(ModelOptions.IsDefault)} to false.");
        }

        problems.AddRange(FallbackGraph.ProblemsOf(catalog.Names, chains, catalog.KeyOf));
        problems.AddRange(dependencies.Problems());
        return problems.Distinct(StringComparer.Ordinal);

        bool IsOfChain(string problem) => catalog.Names.Any(model =>
            problem.StartsWith($"{catalog.KeyOf(model)}:{nameof(ModelOptions.Fallback)}:", StringComparison.OrdinalIgnoreCase));
    }
}
