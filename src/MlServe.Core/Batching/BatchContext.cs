using Microsoft.Extensions.Logging;

namespace MlServe.Batching;

/// <summary>
/// The settings that the parts of one batcher share, and the facts that have an owner each. Knows neither queues nor runners.
/// </summary>
internal sealed class BatchContext
{
    /// <param name="executor">Runs the rows.</param>
    /// <param name="options">How.</param>
    /// <param name="metrics">The metrics that are reported.</param>
    /// <param name="flow">The model's line at the gate.</param>
    /// <param name="time">The clock.</param>
    /// <param name="mixes">Whether requests of several callers are run together.</param>
    /// <param name="logger">Says that they no longer are; null: nobody is told.</param>
    /// <param name="serviceLevel">The promise to callers; null: nothing is promised.</param>
    /// <param name="events">Learns that batching stopped; null: nobody does.</param>
    public BatchContext(
        IModelExecutor executor,
        BatchingOptions options,
        BatchingMetrics metrics,
        GateFlow flow,
        TimeProvider time,
        bool mixes,
        ILogger? logger,
        ServiceLevel? serviceLevel,
        ModelEvents? events)
    {
        Options = options;
        Metrics = metrics;
        Flow = flow;
        Gate = flow.Gate;
        Time = time;
        Identity = executor.Identity;
        Errors = new(Identity);
        Lanes = options.Lanes == 0 ? Gate.MaxConcurrentRuns : options.Lanes;
        Latency = new(serviceLevel?.P99, options.MaxQueueDelay);
        Trust = new(this, logger, events);
        Memory = new(executor, Trust, options.MaxLaneBytes, executor.Signature.IsBatchable && mixes ? options.MaxBatchSize : 1, Lanes);
        Delay = new(options.MaxQueueDelay, Latency, InFlight, time);
        Admission = new(this);
    }

    public BatchingOptions Options { get; }

    public ModelIdentity Identity { get; }

    public string Name => Identity.Name;

    public RunGate Gate { get; }

    /// <summary>The model's line at the gate, for all ways in which it is run.</summary>
    public GateFlow Flow { get; }

    public TimeProvider Time { get; }

    public long Now => Time.GetTimestamp();

    /// <summary>Batches that run at once.</summary>
    public int Lanes { get; }

    /// <summary>How long batches may run.</summary>
    public LatencyBudget Latency { get; }

    /// <summary>How many rows there is memory for.</summary>
    public LaneBudget Memory { get; }

    /// <summary>How long batches are held back.</summary>
    public QueueDelay Delay { get; }

    /// <summary>Whether rows may have company.</summary>
    public BatchTrust Trust { get; }

    /// <summary>The rows that wait.</summary>
    public BatchAdmission Admission { get; }

    /// <summary>Measures larger batches; null until the batcher is made.</summary>
    public BatchCalibration? Calibration { get; set; }

    /// <summary>The requests that are not answered.</summary>
    public InFlight InFlight { get; } = new();

    /// <summary>The errors of requests that are not answered.</summary>
    public BatchErrors Errors { get; }

    public BatchStatistics Totals { get; } = new();

    public BatchingMetrics Metrics { get; }
}
