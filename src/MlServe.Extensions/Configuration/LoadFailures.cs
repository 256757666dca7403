using Microsoft.Extensions.Options;

namespace MlServe.Configuration;

/// <summary>Tells failed loads once each, with a stack trace only if the application's code or the runtime threw.</summary>
internal static class LoadFailures
{
    /// <summary>The beginning of the message of a model's failed load.</summary>
    public static string Prefix(string model, string key) => $"Model '{model}' ({key}) could not be loaded. ";

    /// <summary>
    /// The exception behind a failure, if its own message does not say all: of the application's code, of the runtime. Null: it does.
    /// </summary>
    public static Exception? CauseOf(Exception failure)
    {
        var cause = failure;
        while (cause is ModelLoadException or OptionsValidationException)
            cause = cause.InnerException;
        return cause;
    }

    /// <summary>Why a model was not loaded, for a log entry that names it.</summary>
    public static string ReasonOf(Exception failure, string model)
    {
        if (failure is OptionsValidationException invalid) return string.Join(Environment.NewLine, invalid.Failures);
        var message = ExceptionText.Of(failure);
        const string end = ") could not be loaded. ";
        return message.StartsWith($"Model '{model}' (", StringComparison.Ordinal)
            && message.IndexOf(end, StringComparison.Ordinal) is > 0 and var found
                ? message[(found + end.Length)..]
                : message;
    }

    /// <summary>The failures of several models, and the faults between those that were loaded, as one.</summary>
    public static ModelLoadException Together(IReadOnlyCollection<Exception> failures, IEnumerable<string> problems)
    {
        var failure = failures.OfType<ModelLoadException>().FirstOrDefault()?.Failure ?? ModelLoadFailure.InvalidOptions;
        List<Exception> causes = [.. failures.Select(CauseOf).OfType<Exception>()];
        return new(
            failure, string.Join(Environment.NewLine, failures.Select(static failed => failed.Message).Concat(problems)),
            causes.Count switch
            {
                0 => null,
                1 => causes[0],
                _ => new AggregateException(causes),
            });
    }
}
