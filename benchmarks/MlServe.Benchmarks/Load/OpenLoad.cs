using System.Diagnostics;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Load;

/// <summary>Sends requests on a schedule, and waits at the end for those that are outstanding, but not for ever.</summary>
internal sealed class OpenLoad(OutstandingRequests outstanding, IReadOnlyList<PredictionInputs> inputs, LoadSettings settings)
{
    /// <summary>Runs phases one after another without a pause between them.</summary>
    /// <param name="phases">What to send; the group of each is the index of its step.</param>
    /// <param name="steps">Where to count.</param>
    /// <param name="seed">Of the arrivals.</param>
    /// <param name="maxMissed">Ends the run when more requests than this have missed the bound: what has failed need not go on.</param>
    /// <param name="cancellationToken">Ends the run; what has been sent is waited for.</param>
    public OpenLoadResult Run(
        IReadOnlyList<RatePhase> phases, StepRecorder[] steps, int seed, long maxMissed = long.MaxValue,
        CancellationToken cancellationToken = default)
    {
        var schedule = new ArrivalSchedule(phases, seed);
        var slots = new TimeSlots(schedule.Seconds);
        var sink = new Sink(outstanding, inputs, steps, slots, maxMissed);
        settings.Progress.Watch(steps, outstanding);
        var allocated = GC.GetTotalAllocatedBytes();
        var paused = GC.GetTotalPauseDuration();
        var stolen = Machine.StolenSeconds();
        var pacing = PacingThread.Run(schedule, steps.Length, sink, raise: true, LoadSettings.SpinShare, cancellationToken);
        var sent = Stopwatch.GetElapsedTime(pacing.Start);
        for (var i = 0; i < steps.Length; i++)
            steps[i].CpuSeconds = pacing.CpuByGroup[i];
        if (steps.Length == 1) steps[0].Seconds = sent.TotalSeconds;

        var lost = Drain(cancellationToken.IsCancellationRequested ? TimeSpan.FromSeconds(1) : settings.DrainTimeout);
        settings.Progress.Watch([], outstanding);
        return new()
        {
            Steps = steps,
            Slots = slots,
            LostIds = lost,
            Twice = outstanding.Twice,
            IsRaised = pacing.IsRaised,
            IsCancelled = cancellationToken.IsCancellationRequested,
            IsStopped = sink.IsStopped,
            PauseMs = (GC.GetTotalPauseDuration() - paused).TotalMilliseconds,
            StolenMs = 1e3 * (Machine.StolenSeconds() - stolen),
            AllocatedBytes = GC.GetTotalAllocatedBytes() - allocated,
        };
    }

    private IReadOnlyList<long> Drain(TimeSpan timeout)
    {
        var start = settings.Time.GetTimestamp();
        while (outstanding.Count > 0 && settings.Time.GetElapsedTime(start) < timeout)
            Thread.Sleep(1);
        return outstanding.GiveUp();
    }

    private sealed class Sink(
        OutstandingRequests outstanding, IReadOnlyList<PredictionInputs> inputs, StepRecorder[] steps, TimeSlots slots, long maxMissed)
        : IArrivalSink
    {
        private int _next;

        public bool IsStopped { get; private set; }

        public bool Send(in Arrival arrival, long start, long lag)
        {
            var step = steps[arrival.Group];
            step.Due(lag);
            slots.Due(arrival.Due);
            if (outstanding.TryRent() is { } request)
            {
                var dueStamp = start + (long)(arrival.Due * (Stopwatch.Frequency / 1e9));
                request.Begin(arrival.Index, inputs[_next], step, slots, arrival.Due, dueStamp);
                ThreadPool.UnsafeQueueUserWorkItem(request, preferLocal: false);
            }
            else
            {
                step.NotSent();
                slots.Missed(arrival.Due);
            }

            _next = _next + 1 < inputs.Count ? _next + 1 : 0;
            IsStopped = step.Missed > maxMissed;
            return !IsStopped;
        }
    }
}
