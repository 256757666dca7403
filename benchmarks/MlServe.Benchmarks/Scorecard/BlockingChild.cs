using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// A fresh process in which many callers ask one model, each in its own way of waiting. What it does to its thread pool a process cannot
/// take back.
/// </summary>
internal static class BlockingChild
{
    /// <summary>The hidden command.</summary>
    public const string Command = "blocking-child";

    public const int Callers = 200;

    /// <summary>How often all of them ask for what cannot be answered in time.</summary>
    public const int Rounds = 5;

    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(100);

    /// <param name="way">How callers wait.</param>
    /// <param name="maxThreads">The most threads of the pool; 0: as it likes.</param>
    public static void Run(BlockingWay way, string maxThreads)
    {
        var most = int.Parse(maxThreads, CultureInfo.InvariantCulture);
        if (most > 0) most = Math.Max(most, Environment.ProcessorCount);
        if (most == 0) ThreadPool.SetMinThreads(Callers, 1);
        if (most > 0 && !(ThreadPool.SetMinThreads(most, 1) && ThreadPool.SetMaxThreads(most, 1)))
            throw new InvalidOperationException("The pool cannot be bounded.");

        var gate = new RunGate();
        using var batched = new BatchedModel(
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx")), static options => options.MaxBatchSize = 64,
            gate);
        var (rate, cpu) = Rate(batched.Predictor, way, most);
        var batch = batched.MeanBatch;
        double[] late = [.. Enumerable.Range(0, Rounds).SelectMany(_ => Late(batched.Predictor, gate, way, most))];
        Console.Error.Write(JsonSerializer.Serialize(
            new BlockingResult(
                rate, late.Where(double.IsFinite).DefaultIfEmpty().Max(), late.Count(double.IsFinite), cpu, batch,
                ThreadPool.ThreadCount)));
    }

    private static (double Rate, double CpuUs) Rate(IPredictor predictor, BlockingWay way, int most)
    {
        var counts = new long[Callers * 8];
        var stop = false;
        var going = Start(way, most, caller =>
        {
            var request = PredictionInputs.Row(new float[28 * 28]);
            return () =>
            {
                counts[caller * 8]++;
                return Volatile.Read(ref stop) ? null : predictor.PredictAsync(request).AsTask();
            };
        }, caller =>
        {
            var request = PredictionInputs.Row(new float[28 * 28]);
            while (!Volatile.Read(ref stop))
            {
                counts[caller * 8]++;
                predictor.Predict(request).EnsureOk().Dispose();
            }
        });

        Thread.Sleep(1000);
        var (started, before, cpu) = (Stopwatch.GetTimestamp(), counts.Sum(), Environment.CpuUsage.TotalTime);
        Thread.Sleep(1000);
        var answers = counts.Sum() - before;
        var (rate, cpuUs) =
            (answers / Stopwatch.GetElapsedTime(started).TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / answers);
        Volatile.Write(ref stop, true);
        going.Wait();
        return (rate, cpuUs);
    }

    /// <summary>
    /// Milliseconds by which each caller hears late that its time is over, with a gate that is shut; NaN for one that hears something else.
    /// </summary>
    private static double[] Late(IPredictor predictor, RunGate gate, BlockingWay way, int most)
    {
        BlockedGate[] blocked = [.. Enumerable.Range(0, gate.MaxConcurrentRuns).Select(_ => new BlockedGate(gate))];
        var options = new PredictionOptions { Timeout = Deadline };
        var late = new double[Callers];
        void Heard(int caller, long started, Prediction prediction)
        {
            using (prediction)
            {
                if (prediction.IsOk) throw new InvalidOperationException("It was answered behind a gate that is shut.");
                late[caller] = prediction.Status == PredictionStatus.DeadlineExceeded
                    ? (Stopwatch.GetElapsedTime(started) - Deadline).TotalMilliseconds
                    : double.NaN;
            }
        }

        Start(way, most, caller =>
        {
            var (request, asked, started) = (PredictionInputs.Row(new float[28 * 28]), false, 0L);
            return () =>
            {
                if (asked) return null;
                (asked, started) = (true, Stopwatch.GetTimestamp());
                return HearAsync(predictor.PredictAsync(request, options).AsTask(), prediction => Heard(caller, started, prediction));
            };
        }, caller =>
        {
            var started = Stopwatch.GetTimestamp();
            Heard(caller, started, predictor.Predict(PredictionInputs.Row(new float[28 * 28]), options));
        }).Wait();
        foreach (var place in blocked)
            place.Dispose();
        return late;
    }

    private static async Task<Prediction> HearAsync(Task<Prediction> pending, Action<Prediction> hear)
    {
        hear(await pending.ConfigureAwait(false));
        return default;
    }

    /// <summary>
    /// Starts all callers; where threads block and the pool is bounded, as many on the pool as it lets block, and the others on threads of
    /// their own.
    /// </summary>
    private static Task Start(BlockingWay way, int most, Func<int, Func<Task<Prediction>?>> asking, Action<int> predicting)
    {
        var done = new CountdownEvent(Callers);
        var finished = new TaskCompletionSource();
        void Go(int caller)
        {
            if (way == BlockingWay.Predict)
            {
                predicting(caller);
            }
            else
            {
                var next = asking(caller);
                while (next() is { } pending)
                    pending.GetAwaiter().GetResult().Dispose();
            }

            if (done.Signal()) finished.SetResult();
        }

        async Task GoAsync(int caller)
        {
            var next = asking(caller);
            while (next() is { } pending)
                (await pending.ConfigureAwait(false)).Dispose();
            if (done.Signal()) finished.SetResult();
        }

        for (var i = 0; i < Callers; i++)
        {
            var caller = i;
            if (way == BlockingWay.Await) _ = Task.Run(() => GoAsync(caller));
            else if (most == 0 || caller < most) ThreadPool.UnsafeQueueUserWorkItem(Go, caller, preferLocal: false);
            else new Thread(() => Go(caller), 256 * 1024) { IsBackground = true }.Start();
        }

        return finished.Task;
    }
}
