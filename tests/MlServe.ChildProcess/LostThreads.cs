using System.Diagnostics.Metrics;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.ChildProcess;

/// <summary>
/// Loads models in which the native runtime works for minutes and does not look at whether it should stop: such a load fails, others go on
/// meanwhile, and after two of them what was not verified is refused. A process of its own, because the threads stay.
/// </summary>
internal static class LostThreads
{
    public static async Task RunAsync(string model)
    {
        var time = new HurriedTime();
        using var telemetry = new PredictorBuilder(OnnxPredictor.Load(model)).UseTelemetry("watch").Build();
        var first = LoadAsync(ModelSource.FromBytes(HostileModels.LongConstant()), time);
        await Task.Delay(200).ConfigureAwait(false);

        // The first holds the turn to make sessions, and will not give it back by itself.
        Console.WriteLine($"beside={await LoadAsync(ModelSource.FromFile(model), time).ConfigureAwait(false)}");
        Console.WriteLine($"first={await first.ConfigureAwait(false)}");
        Console.WriteLine($"between={await LoadAsync(ModelSource.FromFile(model), time).ConfigureAwait(false)}");
        using var stop = new CancellationTokenSource();

        // The second is opened, and does not come back from a run.
        var second = LoadAsync(ModelSource.FromBytes(HostileModels.LongOperator()), time, stop.Token);
        await Task.Delay(200).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        Console.WriteLine($"cancelled={await second.ConfigureAwait(false)}");
        Console.WriteLine($"after={await LoadAsync(ModelSource.FromFile(model), time).ConfigureAwait(false)}");
        Console.WriteLine($"metric={Measure()}");
    }

    private static async Task<string> LoadAsync(IModelSource source, TimeProvider time, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var predictor = await OnnxPredictor.LoadAsync(
                source, new() { LoadTimeout = TimeSpan.FromSeconds(10) }, new() { TimeProvider = time, LoggerFactory = new ConsoleLog() },
                cancellationToken).ConfigureAwait(false);
            using var prediction = await predictor.PredictAsync(
                PredictionInputs.Row(new float[4]), cancellationToken: CancellationToken.None).ConfigureAwait(false);
            return prediction.IsOk ? "answers" : "does not answer";
        }
        catch (ModelLoadException exception)
        {
            return $"{exception.Failure}: {exception.Message}";
        }
        catch (OperationCanceledException)
        {
            return "cancelled";
        }
    }

    private static long Measure()
    {
        long value = -1;
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Name == MlServeDiagnostics.LoadAbandonedMetric) listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<int>((_, measurement, _, _) => value = measurement);
        listener.SetMeasurementEventCallback<long>((_, measurement, _, _) => value = measurement);
        listener.Start();
        listener.RecordObservableInstruments();
        return value;
    }

    private sealed class HurriedTime : TimeProvider
    {
        private const int Factor = 10;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(
                callback, state, dueTime < TimeSpan.Zero ? dueTime : dueTime / Factor, period < TimeSpan.Zero ? period : period / Factor);
    }
}
