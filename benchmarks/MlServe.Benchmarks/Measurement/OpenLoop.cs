using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// Callers who do not wait for each other: requests arrive as a Poisson process with a fixed seed, and latency counts from the moment at which a request was
/// due, whether or not the generator was late with it.
/// </summary>
internal static partial class OpenLoop
{
    /// <summary>Offers requests at a rate for a while, and waits until all have been answered.</summary>
    /// <param name="rate">Requests a second.</param>
    /// <param name="duration">For how long.</param>
    /// <param name="seed">Of the arrivals.</param>
    /// <param name="ask">Asks once; the argument counts from 0.</param>
    public static OpenLoopResult Run(double rate, TimeSpan duration, int seed, Func<int, ValueTask<Prediction>> ask)
    {
        var due = Arrivals(rate, duration, seed);
        var latencies = new double[due.Length];
        var statuses = new PredictionStatus[due.Length];
        var lag = new double[due.Length];
        var pending = due.Length;
        using var done = new ManualResetEventSlim();

        void Answered(int index, in Prediction prediction, long start)
        {
            latencies[index] = Stopwatch.GetElapsedTime(start).TotalSeconds - due[index];
            statuses[index] = prediction.Status;
            prediction.Dispose();
            if (Interlocked.Decrement(ref pending) == 0) done.Set();
        }

        async void Track(ValueTask<Prediction> answer, int index, long start) => Answered(index, await answer.ConfigureAwait(false), start);

        double generatorSeconds = 0;
        var generator = new Thread(() =>
        {
            var cpu = ThreadSeconds();
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < due.Length;)
            {
                var now = Stopwatch.GetElapsedTime(start).TotalSeconds;
                for (; i < due.Length && due[i] <= now; i++)
                {
                    lag[i] = now - due[i];
                    var answer = ask(i);
                    if (answer.IsCompleted) Answered(i, answer.GetAwaiter().GetResult(), start);
                    else Track(answer, i, start);
                }

                if (i < due.Length) Pause(due[i] - now);
            }

            generatorSeconds = ThreadSeconds() - cpu;
        })
        {
            IsBackground = true,
        };
        generator.Start();
        generator.Join();
        if (due.Length > 0) done.Wait();
        return new(latencies, statuses, lag, duration, generatorSeconds);
    }

    private static double[] Arrivals(double rate, TimeSpan duration, int seed)
    {
        var random = new Random(seed);
        var times = new List<double>();
        for (var time = 0.0; ;)
        {
            time -= Math.Log(1 - random.NextDouble()) / rate;
            if (time >= duration.TotalSeconds) return [.. times];
            times.Add(time);
        }
    }

    /// <summary>Sleeps where there is time for it: a generator that spins takes a core from what it measures.</summary>
    private static void Pause(double seconds)
    {
        if (seconds < 60e-6 || !OperatingSystem.IsLinux())
        {
            Thread.Yield();
            return;
        }

        var time = new TimeSpec { Nanoseconds = (long)(Math.Min(seconds - 50e-6, 0.01) * 1e9) };
        _ = NanoSleep(in time, nint.Zero);
    }

    private static double ThreadSeconds()
    {
        if (!OperatingSystem.IsLinux()) return 0;
        const int ThreadCpuTime = 3;
        _ = ClockGetTime(ThreadCpuTime, out var time);
        return time.Seconds + (time.Nanoseconds / 1e9);
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec time, nint remaining);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
