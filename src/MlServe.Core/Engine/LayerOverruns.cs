using MlServe.Guests;
using MlServe.Threading;

namespace MlServe;

/// <summary>
/// Counts the calls that are still in a layer although their caller has been answered, and bounds them. Each holds a copy of its inputs,
/// and maybe a thread.
/// </summary>
internal sealed class LayerOverruns(string model, GuardedMeter meter, ModelIdentity? identity = null)
{
    /// <summary>From how many on no more calls are let in.</summary>
    public const int Most = 100;

    private readonly GuardedCounter<long> _counter = meter.CreateCounter<long>(
        MlServeDiagnostics.LayerOverrunsMetric, "{prediction}", "Predictions whose caller was answered while a layer went on.");

    private readonly KeyValuePair<string, object?> _model = new(MlServeDiagnostics.ModelTag, model);
    private int _count;

    public string Model => model;

    /// <summary>The version that is inside; null if it is not known.</summary>
    public ModelIdentity? Identity => identity;

    public bool IsFull => Volatile.Read(ref _count) >= Most;

    /// <summary>Calls that have overrun and not ended.</summary>
    public int Count => Volatile.Read(ref _count);

    public void Begin() => Interlocked.Increment(ref _count);

    public void End() => Interlocked.Decrement(ref _count);

    /// <summary>
    /// Tells who listens of one that has overrun. Elsewhere: listeners may block, and calls end on a thread on which others' deadlines come
    /// due.
    /// </summary>
    public void Tell()
    {
        if (_counter.Enabled) new Notice(this).Send();
    }

    private sealed class Notice(LayerOverruns overruns) : UrgentWork
    {
        public void Send() => Queue(HelperThreads.ForLayers);

        protected override void Execute(UrgentPlace place) => overruns._counter.Add(1, [overruns._model]);
    }
}
