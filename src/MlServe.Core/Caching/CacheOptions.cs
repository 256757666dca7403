namespace MlServe.Caching;

/// <summary>How answers are kept.</summary>
public sealed class CacheOptions
{
    /// <summary>
    /// Bytes that the kept answers of one model may take, all its versions together and the cache's own books counted, 65,536 to
    /// 1,099,511,627,776. Default: 67,108,864 (64 MiB), some hundred thousand small answers.
    /// </summary>
    public long SizeLimit { get; set; } = 64L * 1024 * 1024;

    /// <summary>
    /// How long an answer is as good as a new one, greater than zero. Default: null, as long as it is kept: the same model answers the same
    /// question alike. An answer past its time stays, until it is evicted, for <see cref="IStaleAnswers"/>.
    /// </summary>
    public TimeSpan? TimeToLive { get; set; }

    /// <summary>
    /// Whether answers of another version may be given as stale ones. Default: false. If true, they are given only through
    /// <see cref="IStaleAnswers"/>, and only if the other version has the same inputs and outputs.
    /// </summary>
    public bool StaleFromOtherVersions { get; set; }

    /// <summary>
    /// Whether a cache whose hits save less time than its look-ups take switches itself off, says so, and tries again later. Default: true.
    /// </summary>
    public bool SwitchOffWhenUseless { get; set; } = true;

    /// <summary>
    /// Whether answers are also kept in the host's <c>HybridCache</c>, for other processes and the next start. Default: false.
    /// </summary>
    public bool UseHybridCache { get; set; }

    /// <summary>
    /// How long a look into the <c>HybridCache</c> may take before the model is run instead, 00:00:00.001 to 00:00:10. Default:
    /// 00:00:00.0200000 (20 ms). When it was too long, or failed, the <c>HybridCache</c> is left alone for five seconds.
    /// </summary>
    public TimeSpan HybridCacheTimeout { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// The name of this model, if its answers are to be kept and shared although it does not answer equal requests alike. Such a model
    /// draws random numbers, or keeps something from run to run. The name of another model changes nothing. Default: null: the cache of
    /// such a model is off.
    /// </summary>
    public string? AcceptVaryingAnswersOf { get; set; }

    /// <summary>Names the faults of the values: one message each, none if there are no faults.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate() => new OptionRange()
        .Between(SizeLimit, 64 * 1024, 1L << 40)
        .Positive(TimeToLive)
        .Between(HybridCacheTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(10))
        .Faults;
}
