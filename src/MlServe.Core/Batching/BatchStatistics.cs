namespace MlServe.Batching;

/// <summary>
/// The record of a batcher's work since it was made; found with <c>predictor.GetService&lt;BatchStatistics&gt;()</c>. Safe for concurrent
/// use.
/// </summary>
public sealed class BatchStatistics
{
    private readonly long[] _closed = new long[Enum.GetValues<CloseReason>().Length];
    private long _runs;
    private long _rows;
    private long _requests;
    private long _inline;
    private long _inlineExtraRows;
    private long _rechecks;

    /// <summary>
    /// Batches that were run, requests on their callers' threads among them. Parts of a batch that are run again because of a culprit are
    /// not counted again.
    /// </summary>
    public long Runs => Interlocked.Read(ref _runs) + Interlocked.Read(ref _inline);

    /// <summary>Rows that were run; divided by <see cref="Runs"/>, the mean batch.</summary>
    public long Rows => Interlocked.Read(ref _rows) + Interlocked.Read(ref _inline) + Interlocked.Read(ref _inlineExtraRows);

    /// <summary>Requests that were run.</summary>
    public long Requests => Interlocked.Read(ref _requests) + Interlocked.Read(ref _inline);

    /// <summary>Requests that were run on their callers' threads.</summary>
    public long InlineRuns => Interlocked.Read(ref _inline);

    /// <summary>The costs of runs, as far as they are known, for each shape and priority that has come.</summary>
    public IReadOnlyList<BatchCost> Costs => CostsOf?.Invoke() ?? [];

    /// <summary>Batched rows that were run again alone, to compare.</summary>
    public long Rechecks => Interlocked.Read(ref _rechecks);

    /// <summary>
    /// Why requests are run one row at a time from now on, as a clause for a person. The cause is a row whose answer alone was another one
    /// than in its batch. Null if they are batched.
    /// </summary>
    public string? StoppedBecause { get; internal set; }

    internal Func<IReadOnlyList<BatchCost>>? CostsOf { get; set; }

    /// <summary>Batches that were closed for a reason.</summary>
    /// <param name="reason">The reason.</param>
    public long ClosedFor(CloseReason reason) => Interlocked.Read(ref _closed[(int)reason]);

    internal void Ran(CloseReason reason, int rows, int requests)
    {
        Interlocked.Increment(ref _closed[(int)reason]);
        Interlocked.Increment(ref _runs);
        Interlocked.Add(ref _rows, rows);
        Interlocked.Add(ref _requests, requests);
    }

    // Counted by a caller that is alone, most of the time with one row.
    internal void RanInline(int rows)
    {
        Interlocked.Increment(ref _inline);
        if (rows > 1) Interlocked.Add(ref _inlineExtraRows, rows - 1);
    }

    internal void Rechecked() => Interlocked.Increment(ref _rechecks);
}
