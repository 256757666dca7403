using System.Diagnostics.Metrics;
using MlServe.Guests;

namespace MlServe.Batching;

/// <summary>What a batcher reports: once a batch, never once a request.</summary>
internal sealed class BatchingMetrics
{
    private static readonly double[] DurationBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    private static readonly long[] SizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
    private static readonly string[] Reasons = [.. Enum.GetNames<CloseReason>().Select(static name => name.ToLowerInvariant())];

    private static readonly string[] Outcomes = [.. Enum.GetNames<RecheckOutcome>().Select(static name => name.ToLowerInvariant())];

    private readonly GuardedHistogram<long> _size;
    private readonly GuardedHistogram<double> _duration;
    private readonly GuardedHistogram<double> _queueDuration;
    private readonly GuardedCounter<long> _rechecks;
    private readonly KeyValuePair<string, object?> _model;

    /// <summary>Counts runs past the batcher that go on when their caller has been answered.</summary>
    public LayerOverruns Overruns { get; }

    public BatchingMetrics(string model, GuardedMeter meter)
    {
        Overruns = new(model, meter);
        _model = new(MlServeDiagnostics.ModelTag, model);
        _size = meter.CreateHistogram(MlServeDiagnostics.BatchSizeMetric, "{row}", "Rows of batches.",
            new InstrumentAdvice<long> { HistogramBucketBoundaries = SizeBuckets });
        var durations = new InstrumentAdvice<double> { HistogramBucketBoundaries = DurationBuckets };
        _duration = meter.CreateHistogram(MlServeDiagnostics.BatchDurationMetric, "s", "How long batches ran.", durations);
        _queueDuration = meter.CreateHistogram(
            MlServeDiagnostics.BatchQueueDurationMetric, "s", "How long the first request of a batch waited for its run.", durations);
        _rechecks = meter.CreateCounter<long>(MlServeDiagnostics.BatchRechecksMetric, "{row}", "Batched rows that were run again alone.");
    }

    public void Ran(in RanBatch batch)
    {
        if (batch.Rows == 0) return;
        if (_size.Enabled) _size.Record(batch.Rows, [_model, new(MlServeDiagnostics.CloseReasonTag, Reasons[(int)batch.Reason])]);
        if (_duration.Enabled) _duration.Record(batch.RunTime.TotalSeconds, _model);
        if (_queueDuration.Enabled) _queueDuration.Record(batch.QueueTime.TotalSeconds, _model);
    }

    public void Rechecked(RecheckOutcome outcome) => _rechecks.Add(1, _model, new(MlServeDiagnostics.RecheckOutcomeTag, Outcomes[(int)outcome]));
}
