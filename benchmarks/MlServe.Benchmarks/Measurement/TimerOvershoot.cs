using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>Finds out how late this machine's sleeps end, on a thread like the generator's.</summary>
internal static class TimerOvershoot
{
    private const int Sleeps = 300;
    private const long SleepNanoseconds = 200_000;

    // Beyond this a generator is a busy loop, and takes the core that it measures.
    private static readonly TimeSpan MaxSpin = TimeSpan.FromMicroseconds(100);

    /// <summary>How long before a request is due the generator must stop sleeping to keep a lag: nothing where sleeps end well within it.</summary>
    public static TimeSpan SpinFor(TimeSpan lag)
    {
        var late = Measure();
        return late < lag / 2 ? TimeSpan.Zero : late < MaxSpin ? late : MaxSpin;
    }

    /// <summary>The 99th percentile.</summary>
    public static TimeSpan Measure()
    {
        var late = new double[Sleeps];
        var thread = new Thread(() =>
        {
            ThreadClock.SharpenTimer();
            ThreadClock.TryRaisePriority();
            for (var i = 0; i < late.Length; i++)
            {
                var start = Stopwatch.GetTimestamp();
                ThreadClock.Sleep(SleepNanoseconds);
                late[i] = Stopwatch.GetElapsedTime(start).TotalNanoseconds - SleepNanoseconds;
            }
        });
        thread.Start();
        thread.Join();
        Array.Sort(late);
        return TimeSpan.FromMicroseconds(Math.Max(0, late[(int)(0.99 * Sleeps)]) / 1e3);
    }
}
