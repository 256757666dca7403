namespace MlServe.Batching;

/// <summary>How requests are run together.</summary>
public sealed class BatchingOptions
{
    /// <summary>
    /// The most rows to run together, 1 to 65,536. Default: 64, at which most models on a processor have gained all that there is to gain.
    /// The batcher finds by itself the largest size worth running up to this, and keeps batches small enough for the model's
    /// <see cref="ServiceLevel.P99"/>.
    /// </summary>
    public int MaxBatchSize { get; set; } = 64;

    /// <summary>
    /// How long a batch that is not full may wait for more rows while a lane is idle, 00:00:00 to 00:00:01. It is less if the model's
    /// <see cref="ServiceLevel.P99"/> leaves less. Default: 00:00:00: a batch grows while the lanes are busy and starts when one is free;
    /// waiting beyond that only costs time.
    /// </summary>
    public TimeSpan MaxQueueDelay { get; set; }

    /// <summary>
    /// Rows that may wait before new requests are refused as <see cref="PredictionStatus.Overloaded"/>, 1 to 10,000,000. Work in bulk has
    /// what normal requests leave. Default: 4096.
    /// </summary>
    public int MaxQueuedRows { get; set; } = 4096;

    /// <summary>Batches that run at once, 0 to 1024; 0: as many as the host's <see cref="RunGate"/> allows. Default: 0.</summary>
    public int Lanes { get; set; }

    /// <summary>
    /// When the model counts as ready. Default: <see cref="BatchReadiness.WhenServable"/>, because it is ready several times earlier.
    /// </summary>
    public BatchReadiness Readiness { get; set; }

    /// <summary>Which thread runs the model. Default: <see cref="RunMode.Auto"/>.</summary>
    public RunMode RunMode { get; set; }

    /// <summary>How long a request may take if the call does not say, greater than zero. Default: null, as long as it takes.</summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>How long work in bulk may be passed over, 00:00:00 to 01:00:00. Default: 00:00:01.</summary>
    public TimeSpan MaxBulkDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Bytes that the lanes of one model may take together, the batcher's and those of the direct path, 1 MiB or more. Default: 256 MiB. A
    /// batch size that would take more is made smaller when the model is loaded. Each further shape begins with a 64th and grows with its
    /// demand.
    /// </summary>
    public long MaxLaneBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>
    /// The share of batched rows that are run again alone, when nobody waits for the model, and compared, 0 to 1; 0: none. If an answer
    /// differs by more than the model's tolerance, the model's requests are run one row at a time from then on. Default: 0.0001, because a
    /// model whose rows mix is found within some ten thousand rows at a cost that cannot be measured.
    /// </summary>
    public double RecheckRate { get; set; } = 1e-4;

    /// <summary>
    /// The name of a model whose rows may be run together although their answers depend on their company (as with dynamic quantization).
    /// Default: null: such a model is refused.
    /// </summary>
    public string? AcceptDependentRowsOf { get; set; }

    /// <summary>
    /// How requests of different sizes are made alike. Default: they are not, and only requests of one shape run together.
    /// </summary>
    public PaddingOptions Padding { get; } = new();

    /// <summary>Names the faults of the values: one message each, none if there are no faults.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate() => new OptionRange()
        .Between(MaxBatchSize, 1, 65536)
        .Between(MaxQueueDelay, TimeSpan.Zero, TimeSpan.FromSeconds(1))
        .Between(MaxQueuedRows, 1, 10_000_000)
        .Between(Lanes, 0, 1024)
        .Defined(Readiness)
        .Defined(RunMode)
        .Check(
            Timeout, Timeout is null || Timeout > TimeSpan.Zero || Timeout == System.Threading.Timeout.InfiniteTimeSpan,
            "greater than zero")
        .Between(MaxBulkDelay, TimeSpan.Zero, TimeSpan.FromHours(1))
        .Between(RecheckRate, 0d, 1d)
        .AtLeast(MaxLaneBytes, 1024L * 1024)
        .Within(nameof(Padding), Padding.Validate())
        .Faults;
}
