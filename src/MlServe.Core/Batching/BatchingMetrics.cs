using System.Diagnostics.Metrics;
using MlServe.Guests;

namespace MlServe.Batching;

/// <summary>The metrics of a batcher, reported once a batch, never once a request.</summary>
internal sealed class BatchingMetrics
{
    private static readonly string[] Reasons = [.. Enum.GetNames<CloseReason>().Select(static name => name.ToLowerInvariant())];
    private static readonly string[] Outcomes = [.. Enum.GetNames<RecheckOutcome>().Select(static name => name.ToLowerInvariant())];

    private readonly Instruments _of;
    private readonly KeyValuePair<string, object?> _model;

    public BatchingMetrics(string model, GuardedMeter meter)
    {
        _of = HostInstruments.For(meter, static meter => new Instruments(meter));
        _model = new(MlServeDiagnostics.ModelTag, model);
        Overruns = new(model, meter);
    }

    /// <summary>Counts runs past the batcher that go on when their caller has been answered.</summary>
    public LayerOverruns Overruns { get; }

    public void Ran(in RanBatch batch)
    {
        if (batch.Rows == 0) return;
        if (_of.Size.Enabled) _of.Size.Record(batch.Rows, [_model, new(MlServeDiagnostics.CloseReasonTag, Reasons[(int)batch.Reason])]);
        if (_of.Duration.Enabled) _of.Duration.Record(batch.RunTime.TotalSeconds, _model);
        if (_of.QueueDuration.Enabled) _of.QueueDuration.Record(batch.QueueTime.TotalSeconds, _model);
    }

    public void Rechecked(RecheckOutcome outcome) =>
        _of.Rechecks.Add(1, _model, new(MlServeDiagnostics.RecheckOutcomeTag, Outcomes[(int)outcome]));

    private sealed class Instruments(GuardedMeter meter)
    {
        public GuardedHistogram<long> Size { get; } = meter.CreateHistogram(
            MlServeDiagnostics.BatchSizeMetric,
            "{row}",
            "Rows of batches.",
            new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] });

        public GuardedHistogram<double> Duration { get; } = meter.CreateHistogram(
            MlServeDiagnostics.BatchDurationMetric, "s", "How long batches ran.", HostInstruments.Durations);

        public GuardedHistogram<double> QueueDuration { get; } = meter.CreateHistogram(
            MlServeDiagnostics.BatchQueueDurationMetric,
            "s",
            "How long the first request of a batch waited for its run.",
            HostInstruments.Durations);

        public GuardedCounter<long> Rechecks { get; } = meter.CreateCounter<long>(
            MlServeDiagnostics.BatchRechecksMetric, "{row}", "Batched rows that were run again alone.");
    }
}
