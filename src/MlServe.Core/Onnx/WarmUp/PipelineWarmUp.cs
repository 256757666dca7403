using System.Diagnostics.CodeAnalysis;
using MlServe.Guests;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Sends some requests through all layers around a model before callers come, so that none of them waits for the compiler. They go through
/// the same layers, built once more around the model with a <see cref="PipelineContext"/> that leads nowhere. The memory and the counts of
/// the layers themselves do not change. A host does so by itself. Safe for concurrent use.
/// </summary>
[Experimental("MLSERVE001")]
public static class PipelineWarmUp
{
    /// <summary>
    /// As many as show a batcher that its caller is alone, so that both of its ways are taken. Each has layers of its own and two equal
    /// requests, of which a cache answers the second.
    /// </summary>
    private const int Rounds = 10;

    /// <summary>
    /// A model whose run takes that long is asked once as a row with its shape and once as a list of numbers. Beside its run, the time of
    /// the compiler is small.
    /// </summary>
    private static readonly TimeSpan SlowRun = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Enough = TimeSpan.FromMilliseconds(200);

    /// <summary>After which a pipeline is left as it is, warm or not: 10 seconds.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Warms a pipeline up: up to 20 requests of the row that the model was tried with at load, for up to <see cref="Limit"/>. It does
    /// nothing if there is no ONNX model in the pipeline, or no row is known that the model answers.
    /// </summary>
    /// <param name="pipeline">The result of a <see cref="PredictorBuilder"/> around an ONNX model.</param>
    /// <param name="around">A pipeline that will stand around it; null: none.</param>
    /// <param name="context">
    /// The model's service level, the clock, and the log, which hears of a warm-up that failed or took too long.
    /// </param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="OperationCanceledException">It was given up. All other failures are logged.</exception>
    public static async Task RunAsync(
        IPredictor pipeline, IPredictor? around, PipelineContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(context);
        var opening = pipeline.GetService<IOpensAhead>()?.OpenAsync(cancellationToken) ?? Task.CompletedTask;
        await AskLayersAsync(pipeline, around, context, cancellationToken).ConfigureAwait(false);
        await opening.ConfigureAwait(false);
    }

    private static async Task AskLayersAsync(
        IPredictor pipeline, IPredictor? around, PipelineContext context, CancellationToken cancellationToken)
    {
        var built = pipeline.GetService<Pipeline>();
        if (pipeline.GetService<IModelExecutor>() is not { SampleRequest: { } sample } executor) return;
        var isSlow = executor.SampleRunTime >= SlowRun;
        if ((built?.Batcher ?? pipeline.GetService<OnnxPredictor>()) is not { } model) return;
        List<PipelineLayer> layers = [.. around?.GetService<Pipeline>()?.WarmUpLayers ?? [], .. built?.WarmUpLayers ?? []];
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            // A layer of the application's may hold its thread, or not heed the token.
            var asking = Background.Run(() => RunAsync(model, layers, sample, isSlow, context, over.Token));
            Background.Forget(asking);
            await asking.WaitAsync(Limit, context.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // A model that is not warm is better than none.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (context.Logger is { } logger)
                LogMessages.WarmUpEnded(logger, exception, pipeline.GetService<ModelIdentity>()?.Name ?? "unnamed");
        }
        finally
        {
            await over.CancelQuietlyAsync().ConfigureAwait(false);
        }
    }

    private static async Task RunAsync(
        IPredictor model, List<PipelineLayer> layers, PredictionInputs sample, bool isSlow, PipelineContext host,
        CancellationToken cancellationToken)
    {
        using var meters = new WarmUpMeters();
        var time = host.Time;
        var context = new PipelineContext { IsWarmUp = true, ServiceLevel = host.ServiceLevel, Time = time, Meters = meters };
        var flat = Flat(sample) ?? sample;
        var started = time.GetTimestamp();
        for (var round = 0; round < (isSlow ? 2 : Rounds); round++)
        {
            // The compiler's time is not the model's.
            if (round == 1) started = time.GetTimestamp();
            else if (round > 1 && time.GetElapsedTime(started) > Enough) return;
            var builder = new PredictorBuilder(model);
            foreach (var layer in layers)
                builder.Use(layer);
            await using var twin = builder.Build(context);
            for (var equal = 0; equal < (isSlow ? 1 : 2); equal++)
            {
                if (!await AskAsync(twin, round % 2 == 0 ? sample : flat, cancellationToken).ConfigureAwait(false)) return;
            }
        }
    }

    /// <summary>
    /// Asks as an application does, without ConfigureAwait: code that it awaits is compiled apart from code that a library awaits.
    /// </summary>
    private static async Task<bool> AskAsync(IPredictor way, PredictionInputs inputs, CancellationToken cancellationToken)
    {
#pragma warning disable CA2007
        using var prediction = await way.PredictAsync(inputs, cancellationToken: cancellationToken);
#pragma warning restore CA2007
        if (!prediction.IsOk) return false;
        for (var i = 0; i < prediction.Count; i++)
        {
            var output = prediction[i];
            if (output.Kind == ValueKind.Tensor && output.ElementType == ElementType.Float) _ = prediction[output.Name].AsSpan<float>();
        }

        return true;
    }

    /// <summary>The same row as a list of numbers without name and shape, as most callers give it.</summary>
    private static PredictionInputs? Flat(in PredictionInputs sample)
    {
        if (sample.Count != 1 || !sample.IsRow) return null;
        ref readonly var input = ref PredictionInputs.ItemOf(in sample, 0);
        return input.Kind == ValueKind.Tensor && input.Elements.Type == ElementType.Float
            ? PredictionInputs.Row(input.Elements.AsSpan<float>().ToArray())
            : null;
    }
}
