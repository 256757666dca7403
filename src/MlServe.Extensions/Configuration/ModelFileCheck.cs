using Microsoft.Extensions.Logging;
using MlServe.Features;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>Finds faults in the files of models, and in options that name parts of a file, without loading them.</summary>
internal sealed class ModelFileCheck(
    ModelCatalog catalog, FeatureCatalog features, ConfigurationCheck configuration, TimeProvider time, ILoggerFactory? loggers = null)
{
    /// <summary>The file of a model.</summary>
    public static IModelSource FileOf(ModelOptions options) => ModelSource.FromFile(options.Path!, options.Onnx.MaxModelBytes);

    /// <summary>The faults in the files of the models that the host needs, beside those in their options.</summary>
    public async Task<IReadOnlyList<string>> ProblemsOfAllAsync(CancellationToken cancellationToken)
    {
        List<string> problems = [];
        foreach (var model in catalog.Names)
        {
            try
            {
                var options = configuration.OptionsOf(model);
                if (options.Required) problems.AddRange(await ProblemsOfAsync(model, options, cancellationToken).ConfigureAwait(false));
            }
#pragma warning disable CA1031 // Options are made by code of the application's, and the check of the options has told of that.
            catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
            {
            }
        }

        return problems;
    }

    /// <summary>The faults in the file of one model, and in the values that are to stand in for its answers.</summary>
    public async Task<IEnumerable<string>> ProblemsOfAsync(string name, ModelOptions options, CancellationToken cancellationToken)
    {
        try
        {
            if (await CheckAsync(name, options, cancellationToken).ConfigureAwait(false) is not { } info) return [];
            var key = options.Fallback.Count > 0 ? $"{catalog.KeyOf(name)}:{nameof(ModelOptions.Fallback)}" : null;
            return options.FallbackSteps().SelectMany((step, i) =>
                step.ProblemsOf(name, DeclaredOutputs.Of(info), key is null ? null : $"{key}:{i}"));
        }
        catch (ModelLoadException exception)
        {
            return [exception.Message];
        }
    }

    /// <summary>
    /// Reads and inspects the file of a model that may be loaded later, and leaves nothing behind. A source from code is not asked:
    /// configuration does not change it.
    /// </summary>
    /// <returns>The file's own description of the model; null: there is no file to look at.</returns>
    /// <exception cref="ModelLoadException">A load would fail so, too.</exception>
    public async Task<OnnxModelInfo?> CheckAsync(string name, ModelOptions options, CancellationToken cancellationToken)
    {
        if (options.Source is not null || options.Predictor is not null || options.Validate().Any(IsOfPath)) return null;
        try
        {
            var context = new ModelLoadContext
            {
                Name = name,
                Version = options.Version,
                TimeProvider = Guards.ClockOf(time),
                LoggerFactory = loggers,
            };
            var info = await OnnxPredictor.InspectAsync(
                FileOf(options), ReadableOf(options.Onnx), context, cancellationToken).ConfigureAwait(false);
            Require(name, features.Validate(options, name, info));
            return info;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw NotLoaded(name, exception);
        }
    }

    /// <summary>Refuses options that do not fit the model.</summary>
    /// <exception cref="ModelLoadException">They do not fit.</exception>
    public void Require(string name, IEnumerable<string> problems)
    {
        List<string> told = [.. problems.Select(problem => $"{catalog.KeyOf(name)}:{problem}")];
        if (told.Count > 0) throw new ModelLoadException(ModelLoadFailure.InvalidOptions, string.Join(" ", told));
    }

    /// <summary>
    /// Why a model could not be loaded, with its key. A cause that the message tells already is no inner exception:
    /// each entry of a log would repeat it.
    /// </summary>
    public ModelLoadException NotLoaded(string name, Exception exception)
    {
        // Of who reads configuration nobody knows the parameter.
        var message = ExceptionText.Of(exception);
        if (exception is ArgumentException { ParamName: { } parameter })
            message = message.Replace($" (Parameter '{parameter}')", "", StringComparison.Ordinal);
        if (exception is not ModelLoadException known)
            return new(ModelLoadFailure.Other, $"{LoadFailures.Prefix(name, catalog.KeyOf(name))}{message}", exception);
        if (known.Failure == ModelLoadFailure.InvalidOptions && IsOfOnnx(message))
            message = $"{catalog.KeyOf(name)}:{nameof(ModelOptions.Onnx)}:{message}";
        return new(known.Failure, $"{LoadFailures.Prefix(name, catalog.KeyOf(name))}{message}", LoadFailures.CauseOf(known));
    }

    private static bool IsOfPath(string problem) => problem.StartsWith(nameof(ModelOptions.Path), StringComparison.Ordinal);

    private static bool IsOfOnnx(string message) => ConfigurationShape.PropertiesOf(typeof(OnnxModelOptions)).Any(property =>
        message.StartsWith(property.Name, StringComparison.Ordinal) && message.Length > property.Name.Length
        && message[property.Name.Length] is ' ' or ':');

    /// <summary>The options to read a file with, if some are not valid: the check of the options tells of those.</summary>
    private static OnnxModelOptions ReadableOf(OnnxModelOptions options) =>
        options.Validate().Any() ? new() { AllowExternalData = options.AllowExternalData } : options;
}
