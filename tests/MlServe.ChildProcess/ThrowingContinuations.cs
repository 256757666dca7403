using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using MlServe.Batching;
using MlServe.Onnx;

namespace MlServe.ChildProcess;

/// <summary>Sends one batch and throws from the waiting code of two of its requests, as only code that is not async can.</summary>
internal static class ThrowingContinuations
{
    private const int Requests = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task RunAsync(string model)
    {
        var unhandled = new BlockingCollection<string>();
        ExceptionHandling.SetUnhandledExceptionHandler(exception =>
        {
            unhandled.Add(exception.Message);
            return true;
        });

        // Held back until it is full, so that all wait by then.
        var predictor = new PredictorBuilder(OnnxPredictor.Load(model)).UseBatching(static options =>
        {
            options.MaxBatchSize = Requests;
            options.RunMode = RunMode.Queued;
            options.MaxQueueDelay = TimeSpan.FromSeconds(1);
        }).Build();
        await using var _ = predictor.ConfigureAwait(false);
        var answered = new CountdownEvent(Requests - 2);
        for (var i = 0; i < Requests; i++)
        {
            var index = i;
#pragma warning disable CA2012 // Consumed once, by hand.
            var awaiter = predictor.PredictAsync(PredictionInputs.Row(new float[4])).ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
            awaiter.UnsafeOnCompleted(() =>
            {
                if (index == 0) throw new InvalidOperationException("before reading");
                awaiter.GetResult().Dispose();
                if (index == 1) throw new InvalidOperationException("after reading");
                answered.Signal();
            });
        }

        answered.Wait(Patience);
        Console.WriteLine($"answered={answered.InitialCount - answered.CurrentCount}");
        var seen = new List<string>();
        while (seen.Count < 2 && unhandled.TryTake(out var message, Patience))
            seen.Add(message);
        Console.WriteLine($"unhandled={string.Join('|', seen.Order())}");
    }
}
