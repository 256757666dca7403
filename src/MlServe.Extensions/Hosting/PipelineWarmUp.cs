using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe.Hosting;

/// <summary>
/// Sends some requests through all that stands around a model before callers come, so that none of them waits for the compiler. They go
/// through the same layers, built once more around the model with a <see cref="PipelineContext"/> that leads nowhere: what the layers
/// themselves keep, count and tell does not change.
/// </summary>
internal sealed class PipelineWarmUp(
    IPredictor pipeline, IReadOnlyList<PipelineLayer> around, ServiceLevel serviceLevel, TimeProvider time, ILogger logger)
{
    /// <summary>
    /// As many as show a batcher that its caller is alone, so that both of its ways are taken; fewer where the model is slow. Each has
    /// layers of its own and two equal requests, of which a cache answers the second.
    /// </summary>
    private const int Rounds = 10;
    private const int RequestsOfSlowModels = 3;
    private static readonly TimeSpan Enough = TimeSpan.FromMilliseconds(200);

    /// <summary>After which a model is ready, warm or not.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <param name="cancellationToken">Gives up the load.</param>
    /// <exception cref="OperationCanceledException">The load was given up. Whatever else happens is logged.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var opening = pipeline.GetService<SecondLevel>()?.OpenAsync(cancellationToken) ?? Task.CompletedTask;
        await AskLayersAsync(cancellationToken).ConfigureAwait(false);
        await opening.ConfigureAwait(false);
    }

    private async Task AskLayersAsync(CancellationToken cancellationToken)
    {
        if (pipeline.GetService<IModelExecutor>()?.SampleRequest is not { } sample || Innermost() is not { } model) return;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            // A layer of the application's may hold its thread, or not heed the token.
            var asking = Background.Run(() => RunAsync(model, sample, over.Token));
            Background.Forget(asking);
            await asking.WaitAsync(Limit, time, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // A model that is not warm is better than none.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            logger.WarmUpEnded(exception, pipeline.GetService<ModelIdentity>()?.Name ?? "unnamed");
        }
        finally
        {
            await over.CancelQuietlyAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Compiles a method that cannot be called yet.</summary>
    public static void Prepare(Func<PredictionInputs, PredictionOptions?, CancellationToken, ValueTask<Prediction>> method)
    {
        if (RuntimeFeature.IsDynamicCodeCompiled) RuntimeHelpers.PrepareMethod(method.Method.MethodHandle);
    }

    private async Task RunAsync(IPredictor model, PredictionInputs sample, CancellationToken cancellationToken)
    {
        using var meters = new WarmUpMeters();
        var context = new PipelineContext { IsWarmUp = true, ServiceLevel = serviceLevel, Time = time, Meters = meters };
        var flat = Flat(sample) ?? sample;
        var started = time.GetTimestamp();
        var requests = 0;
        for (var round = 0; round < Rounds; round++)
        {
            // The compiler's time is not the model's.
            if (round == 1) started = time.GetTimestamp();
            var builder = new PredictorBuilder(model);
            foreach (var layer in around.Concat(pipeline.GetService<Pipeline>()?.WarmUpLayers ?? []))
                builder.Use(layer);
            await using var layers = builder.Build(context);
            for (var equal = 0; equal < 2; equal++)
            {
                if (!await AskAsync(layers, round % 2 == 0 ? sample : flat, cancellationToken).ConfigureAwait(false)) return;
                if (++requests >= RequestsOfSlowModels && time.GetElapsedTime(started) > Enough) return;
            }
        }
    }

    /// <summary>Asks as an application does, without ConfigureAwait: what it awaits is compiled apart from what a library awaits.</summary>
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

    private IPredictor? Innermost() =>
        pipeline.GetService<PaddingPredictor>() ?? pipeline.GetService<BatchingPredictor>()
        ?? (IPredictor?)pipeline.GetService<OnnxPredictor>();

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
