using Microsoft.Extensions.Options;
using MlServe.Threading;

namespace MlServe.Configuration;

/// <summary>
/// Checks the host's options and those of all its models, so that one start tells all faults. If it fails anyway, it looks at the files of
/// models too.
/// </summary>
internal sealed class ValidateMlServingOptions(ConfigurationCheck configuration, ModelFileCheck files) : IValidateOptions<MlServingOptions>
{
    public ValidateOptionsResult Validate(string? name, MlServingOptions options)
    {
        var problems = configuration.ProblemsOfHost(options);
        if (problems.Count == 0) return ValidateOptionsResult.Success;

        // The first who asks for the options has them validated, and waits.
        IReadOnlyList<string> ofFiles = [];
        UrgentTasks.Run(async () => ofFiles = await files.ProblemsOfAllAsync(CancellationToken.None).ConfigureAwait(false))
            .GetAwaiter().GetResult();
        return ValidateOptionsResult.Fail([.. problems, .. ofFiles]);
    }
}
