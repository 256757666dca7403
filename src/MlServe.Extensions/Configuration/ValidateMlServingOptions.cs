using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace MlServe.Configuration;

/// <summary>Checks the host's options and those of all its models, so that one start tells all that is wrong.</summary>
internal sealed class ValidateMlServingOptions(ModelCatalog catalog, ConfigurationCheck models) : IValidateOptions<MlServingOptions>
{
    private static readonly ExtraKey[] Keys = [new(ConfigurationShape.Models, ConfigurationShape.CheckObject)];

    public ValidateOptionsResult Validate(string? name, MlServingOptions options)
    {
        List<string> unread =
            [.. catalog.Sections.SelectMany(static section => ConfigurationShape.Check(section, typeof(MlServingOptions), Keys))];
        List<string> problems =
        [
            .. Faults.Together(unread, options.Validate().Select(problem => $"{catalog.Key}:{problem}")),
            .. models.ProblemsOfModels(),
        ];
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
