using System.Diagnostics;

namespace MlServe.ChildProcess.Guests;

/// <summary>
/// Listens to MlServe's activities with a listener for each callback, which throws there; and one that behaves, which must miss no end.
/// </summary>
internal sealed class ThrowingActivities : IDisposable
{
    private readonly Mischief _mischief;
    private readonly List<ActivityListener> _listeners = [];
    private int _started;
    private int _stopped;

    public ThrowingActivities(Mischief mischief)
    {
        _mischief = mischief;
        var first = Listener();
        first.ActivityStarted = activity => Count(activity, ref _started);
        first.ActivityStopped = activity => Count(activity, ref _stopped);
        Add(first);
        Add(Listener(shouldListenTo: "activity.ShouldListenTo"));
        Add(Listener(sample: "activity.Sample"));
        var started = Listener();
        started.ActivityStarted = activity => Call(activity, "activity.ActivityStarted");
        Add(started);
        var stopped = Listener();
        stopped.ActivityStopped = activity => Call(activity, "activity.ActivityStopped");
        Add(stopped);
    }

    /// <summary>Activities that the listener which behaves saw begin and not end.</summary>
    public int Open => Volatile.Read(ref _started) - Volatile.Read(ref _stopped);

    public int Started => Volatile.Read(ref _started);

    public void Dispose()
    {
        foreach (var listener in _listeners)
            listener.Dispose();
    }

    private static void Count(Activity activity, ref int counter)
    {
        if (activity.Source.Name == MlServeDiagnostics.ActivitySourceName) Interlocked.Increment(ref counter);
    }

    private void Add(ActivityListener listener)
    {
        ActivitySource.AddActivityListener(listener);
        _listeners.Add(listener);
    }

    private void Call(Activity activity, string name)
    {
        if (activity.Source.Name == MlServeDiagnostics.ActivitySourceName) _mischief.Call(name);
    }

    private ActivityListener Listener(string? shouldListenTo = null, string? sample = null) => new()
    {
        ShouldListenTo = source =>
        {
            if (source.Name != MlServeDiagnostics.ActivitySourceName) return false;
            if (shouldListenTo is not null) _mischief.Call(shouldListenTo);
            return true;
        },
        Sample = (ref ActivityCreationOptions<ActivityContext> _) =>
        {
            if (sample is not null) _mischief.Call(sample);
            return ActivitySamplingResult.AllDataAndRecorded;
        },
    };
}
