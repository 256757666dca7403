using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// The one generator of open loops: a thread that hands over each request when it is due, and never waits for an answer. It sleeps where
/// there is time for it, because a generator that spins takes a core from what it measures.
/// </summary>
internal sealed class PacingThread
{
    private readonly double[] _cpu;

    private PacingThread(int groups) => _cpu = new double[groups];

    /// <summary>Processor seconds that the thread took in each group of phases.</summary>
    public IReadOnlyList<double> CpuByGroup => _cpu;

    /// <summary>Whether the system let the thread go before others.</summary>
    public bool IsRaised { get; private set; }

    /// <summary>The time stamp at which the schedule began.</summary>
    public long Start { get; private set; }

    /// <summary>Runs a schedule to its end, or until the sink or the caller stops it.</summary>
    /// <param name="schedule">When to send.</param>
    /// <param name="groups">The number of groups in the schedule.</param>
    /// <param name="sink">Where to send; called on the thread.</param>
    /// <param name="raise">Whether the thread goes before others: right for a sink that only hands over, not for one that runs the
    /// model.</param>
    /// <param name="spinShare">The share of a core that it may take to wait awake for the last moments before a request is due.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static PacingThread Run(
        ArrivalSchedule schedule, int groups, IArrivalSink sink, bool raise = false, double spinShare = 0,
        CancellationToken cancellationToken = default)
    {
        var pacing = new PacingThread(groups);
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                pacing.Pace(schedule, sink, raise, spinShare, cancellationToken);
            }
#pragma warning disable CA1031 // It is thrown on the caller's thread.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = exception;
            }
        })
        {
            IsBackground = true,
            Name = "load generator",
        };
        thread.Start();
        thread.Join();
        return failure is null ? pacing : throw new InvalidOperationException($"The generator failed: {failure.Message}", failure);
    }

    private void Pace(ArrivalSchedule schedule, IArrivalSink sink, bool raise, double spinShare, CancellationToken cancellationToken)
    {
        ThreadClock.SharpenTimer();
        IsRaised = raise && ThreadClock.TryRaisePriority();
        var cpu = ThreadClock.CpuSeconds();
        long[] spins = [.. schedule.Phases.Select(phase => phase.SpinWithin(spinShare))];
        var group = 0;
        Start = Stopwatch.GetTimestamp();
        while (!cancellationToken.IsCancellationRequested && schedule.TryNext(out var arrival))
        {
            if (arrival.Group != group) cpu = Charge(group, cpu);
            group = arrival.Group;

            var spin = spins[arrival.Phase];
            long early;
            while ((early = arrival.Due - Elapsed()) > 0 && !cancellationToken.IsCancellationRequested)
            {
                if (early > spin) ThreadClock.Sleep(early - spin);
                else Thread.SpinWait(10);
            }

            if (early > 0 || !sink.Send(arrival, Start, -early)) break;
        }

        Charge(group, cpu);
    }

    private long Elapsed() => (long)((Stopwatch.GetTimestamp() - Start) * (1e9 / Stopwatch.Frequency));

    private double Charge(int group, double since)
    {
        var now = ThreadClock.CpuSeconds();
        _cpu[group] += now - since;
        return now;
    }
}
