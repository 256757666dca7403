using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using MlServe.Batching;
using MlServe.Monitoring;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe.Hosting;

/// <summary>
/// Sends some requests through what AddMlServing puts around a model before callers come, so that none of them waits for the compiler. The model's own warm-up
/// has run by then. The application's layers do not see these requests, and its metrics do not count them: they take a way of their own, made of the same parts.
/// </summary>
internal static class PipelineWarmUp
{
    private const string Name = "warm-up";

    /// <summary>As many as show a batcher that its caller is alone, so that both of its ways are taken; fewer where the model is slow.</summary>
    private const int Requests = 12;
    private const int RequestsOfSlowModels = 3;
    private static readonly TimeSpan Enough = TimeSpan.FromMilliseconds(200);

    /// <param name="pipeline">The pipeline that was built around the model.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public static async Task RunAsync(IPredictor pipeline, TimeProvider time, CancellationToken cancellationToken)
    {
        if (pipeline.GetService<IBatchExecutor>()?.SampleRequest is not { } sample || Innermost(pipeline) is not { } model) return;
        using var services = new WarmUpServices(time);
        var entrance = new EntranceStage(new(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, Name));
        entrance.Open();
        var builder = new PredictorBuilder(model);

        // Who listens to activities would be shown predictions that nobody asked for.
        if (TracingPredictor.IsListenedTo) builder.UseMetrics(Name);
        else builder.UseTelemetry(Name);
        await using var way = builder.Use((_, _) => entrance).Build(services);
        var flat = Flat(sample) ?? sample;
        var started = time.GetTimestamp();
        for (var request = 0; request < Requests; request++)
        {
            if (!await AskAsync(way, request % 2 == 0 ? sample : flat, cancellationToken).ConfigureAwait(false)) return;
            if (request + 1 >= RequestsOfSlowModels && time.GetElapsedTime(started) > Enough) return;
        }
    }

    /// <summary>Compiles a method that cannot be called yet.</summary>
    public static void Prepare(Func<PredictionInputs, PredictionOptions?, CancellationToken, ValueTask<Prediction>> method)
    {
        if (RuntimeFeature.IsDynamicCodeCompiled) RuntimeHelpers.PrepareMethod(method.Method.MethodHandle);
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

    private static IPredictor? Innermost(IPredictor pipeline) =>
        pipeline.GetService<PaddingPredictor>() ?? pipeline.GetService<BatchingPredictor>() ?? (IPredictor?)pipeline.GetService<OnnxPredictor>();

    /// <summary>The same row as a list of numbers without name and shape, as most callers give it.</summary>
    private static PredictionInputs? Flat(in PredictionInputs sample)
    {
        if (sample.Count != 1 || !sample.IsRow) return null;
        ref readonly var input = ref PredictionInputs.ItemOf(in sample, 0);
        return input.Kind == ValueKind.Tensor && input.Elements.Type == ElementType.Float
            ? PredictionInputs.Row(input.Elements.AsSpan<float>().ToArray())
            : null;
    }

    /// <summary>Meters that nobody else listens to, with a listener, because there is more to compile where somebody listens.</summary>
    private sealed class WarmUpServices : IServiceProvider, IUncountedMeterFactory
    {
        private readonly TimeProvider _time;
        private readonly Meter _meter = new("MlServe.WarmUp");
        private readonly MeterListener _listener = new();

        public WarmUpServices(TimeProvider time)
        {
            _time = time;
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter, _meter)) listener.EnableMeasurementEvents(instrument);
            };
            _listener.Start();
        }

        public object? GetService(Type serviceType) =>
            serviceType == typeof(IMeterFactory) ? this : serviceType == typeof(TimeProvider) ? _time : null;

        public Meter Create(MeterOptions options) => _meter;

        public void Dispose()
        {
            _listener.Dispose();
            _meter.Dispose();
        }
    }
}
