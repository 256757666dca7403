using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Samples;

namespace MlServe.Quantization.Serving;

/// <summary>Gives the quantized form of a model if it passed its gate, else the model as it is.</summary>
internal sealed class QuantizedModelSource(IModelSource source, ModelQuantizationOptions options, string name, ILoggerFactory? loggers)
    : IUnhurriedModelSource
{
    /// <summary>Starts that quantize a model whose speed is in doubt; the last one's verdict stands.</summary>
    private const int MaxTries = 3;

    private readonly ILogger _logger = GuardedLogger.Of(loggers) ?? NullLogger.Instance;

    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        var content = await source.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (!options.Enabled || !IsReadable(content)) return content;
        (CacheEntry Entry, byte[]? Model) result;
        try
        {
            result = await FindOrMakeAsync(content, WithSamples(content), cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever goes wrong, samples of the application's own among it: the model can be served as it is.
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return AsItIs(content, exception.Message, exception);
        }

        if (result.Entry.Report is { } report) options.OnReport?.Invoke(report);
        if (result.Model is not { } model) return AsItIs(content, result.Entry.Reason!, null);
        var made = result.Entry.Report!;
        _logger.ServedQuantized(name, made.Method, made.Speed?.Ratio, (double)made.Bytes / made.SourceBytes);
        return new(model, $"{content.Origin} ({made.Method} by MlServe)");
    }

    private QuantizationOptions WithSamples(ModelContent content) => options.SampleFiles.Count == 0
        ? options.Options
        : options.Options.CalibrateWith(new SampleFiles(SampleModel.Of(content), [.. options.SampleFiles], options.SampleRows).Read());

    /// <summary>Whether the load will get as far as opening it; else the load names the fault.</summary>
    private static bool IsReadable(ModelContent content)
    {
        try
        {
            OnnxInspector.Inspect(content.Bytes.Span);
            return true;
        }
        catch (ModelLoadException)
        {
            return false;
        }
    }

    private async Task<(CacheEntry Entry, byte[]? Model)> FindOrMakeAsync(
        ModelContent content, QuantizationOptions quantization, CancellationToken cancellationToken)
    {
        if (quantization is { CalibrationSamples: null, Method: null, Plan: null })
        {
            throw new QuantizationException(QuantizationFailure.NoCalibrationData,
                "there are no samples to calibrate on. Give some (CalibrateWith, SampleFiles), or say which method that needs none "
                    + "(Options.Method).");
        }

        var folder = Path.GetFullPath(options.CacheFolder ?? QuantizationCache.DefaultFolder());
        var cache = new QuantizationCache(
            folder, await CacheKey.OfAsync(content, quantization, options.SamplesVersion, cancellationToken).ConfigureAwait(false));
        (CacheEntry Entry, byte[]? Model)? found = null;
        try
        {
            found = await cache.FindAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException)
        {
            _logger.CacheEntryDamaged(name, cache.EntryFile);
            cache.Forget();
        }

        if (found is { } settled && !(settled.Entry is { IsCloseCall: true, Tries: < MaxTries })) return settled;

        // Only now: a folder that cannot be written to may hold what an earlier start, or whoever built the image, put there.
        var unusable = QuantizationCache.Prepare(folder);
        if (found is { } doubtful)
        {
            // Where the count cannot be kept, each start would try.
            return unusable is null
                ? await TryAgainAsync(cache, doubtful, content, quantization, cancellationToken).ConfigureAwait(false)
                : doubtful;
        }

        if (unusable is null) _logger.Quantizing(name, folder);
        else _logger.CacheUnusable(name, folder, unusable);
        var (entry, model) = await MakeAsync(content, quantization, cancellationToken).ConfigureAwait(false);
        return unusable is null ? await KeepAsync(cache, entry, model, cancellationToken).ConfigureAwait(false) : (entry, model);
    }

    private async Task<(CacheEntry Entry, byte[]? Model)> TryAgainAsync(
        QuantizationCache cache, (CacheEntry Entry, byte[]? Model) found, ModelContent content, QuantizationOptions quantization,
        CancellationToken cancellationToken)
    {
        var tries = found.Entry.Tries + 1;
        _logger.TryingAgain(name, tries, MaxTries);
        var (entry, model) = found;
        try
        {
            (entry, model) = await MakeAsync(content, quantization, cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Samples that are no longer there among it: what was found is still good.
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _logger.TrialFailed(exception, name);
        }

        return await KeepAsync(cache, entry with { Tries = tries }, model, cancellationToken).ConfigureAwait(false);
    }

    private async Task<(CacheEntry Entry, byte[]? Model)> KeepAsync(
        QuantizationCache cache, CacheEntry entry, byte[]? model, CancellationToken cancellationToken)
    {
        try
        {
            return (await cache.KeepAsync(entry, model, cancellationToken).ConfigureAwait(false), model);
        }
        catch (QuantizationException exception)
        {
            _logger.CacheUnusable(name, cache.Folder, exception.Message);
            return (entry, model);
        }
    }

    private async Task<(CacheEntry Entry, byte[]? Model)> MakeAsync(
        ModelContent content, QuantizationOptions quantization, CancellationToken cancellationToken)
    {
        try
        {
            var (report, model) = await OnnxQuantizer.MakeAsync(
                new Given(content), "memory", quantization, cancellationToken).ConfigureAwait(false);
            var entry = new CacheEntry { Reason = ReasonAgainst(report), IsCloseCall = report.IsCloseCall, Report = report };
            return entry.Reason is null ? (entry, model) : (entry, null);
        }
        catch (QuantizationException exception) when (exception.Failure is QuantizationFailure.AlreadyQuantized
            or QuantizationFailure.NothingToQuantize
            or QuantizationFailure.UnsupportedOpset or QuantizationFailure.NotFinite or QuantizationFailure.GateFailed)
        {
            // It would come out the same at the next start, unless it was a close call.
            return (new() { Reason = exception.Message, IsCloseCall = exception.IsCloseCall }, null);
        }
    }

    /// <summary>Why the source is served in place of the model that was written.</summary>
    private string? ReasonAgainst(QuantizationReport report)
    {
        if (report.Plan.KeepsOriginal) return report.FallbackReason ?? "nothing that was tried is better";
        if (report.Passed == false)
            return report.FallbackReason
                ?? string.Join(", ", report.Checks.Where(static check => !check.Passed).Select(static check => check.Text));

        // A smaller file is of no use here: the model runs as FP32 all the same, with rounded weights.
        if (report.FallbackReason is { } reason && report.Method == QuantizationMethod.Int8Storage) return reason;
        return report.IsBatchDependent && options.Options.Method != QuantizationMethod.Dynamic && options.Options.Plan is null
            ? "ranges would be taken over each run, so that a row's answer would depend on its neighbours in the batch. Set "
                + "Options.Method to Dynamic to have it so"
            : null;
    }

    private ModelContent AsItIs(ModelContent content, string reason, Exception? exception)
    {
        if (options.Required)
        {
            throw new ModelLoadException(ModelLoadFailure.Other,
                $"Model '{name}' is to be served quantized only (Required), and is not: {reason.TrimEnd('.')}. Ask less of it "
                    + "(Options.Gate), or set Required to false to serve it as it is.", exception);
        }

        _logger.ServedAsItIs(exception is QuantizationException ? null : exception, name, reason);
        return content;
    }

    private sealed class Given(ModelContent content) : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default) => new(content);
    }
}
