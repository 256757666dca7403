namespace MlServe;

/// <summary>
/// The names under which MlServe can be watched. They are part of the public contract and do not change within a major version.
/// </summary>
public static class MlServeDiagnostics
{
    /// <summary>The <see cref="System.Diagnostics.Metrics.Meter"/>.</summary>
    public const string MeterName = "MlServe";

    /// <summary>The version under which MlServe reports, as in 1.2.3.</summary>
    internal static string? Version { get; } = typeof(MlServeDiagnostics).Assembly.GetName().Version?.ToString(3);

    /// <summary>The <see cref="System.Diagnostics.ActivitySource"/>.</summary>
    public const string ActivitySourceName = "MlServe";

    /// <summary>The <see cref="System.Diagnostics.Tracing.EventSource"/>, which has the EventCounters.</summary>
    public const string EventSourceName = "MlServe";

    /// <summary>The category of the logs.</summary>
    public const string LogCategory = "MlServe";

    /// <summary>
    /// Histogram of seconds: how long predictions took, seen by the caller. Tags: <see cref="ModelTag"/>, and <see cref="ErrorTypeTag"/>
    /// if there was no answer. Its count is the number of predictions.
    /// </summary>
    public const string PredictionDurationMetric = "mlserve.prediction.duration";

    /// <summary>Up-down counter of <c>{prediction}</c>: predictions under way. Tag: <see cref="ModelTag"/>.</summary>
    public const string PredictionActiveMetric = "mlserve.prediction.active";

    /// <summary>
    /// Counter of <c>{prediction}</c>: predictions of the process that were never disposed, found by the garbage collector.
    /// </summary>
    public const string PredictionAbandonedMetric = "mlserve.prediction.abandoned";

    /// <summary>Up-down counter of <c>{run}</c>: model runs inside the <see cref="RunGate"/>.</summary>
    public const string RunActiveMetric = "mlserve.run.active";

    /// <summary>Up-down counter of <c>{run}</c>: model runs that wait for the <see cref="RunGate"/>.</summary>
    public const string RunWaitingMetric = "mlserve.run.waiting";

    /// <summary>Up-down counter of <c>{run}</c>: how many model runs the <see cref="RunGate"/> lets in at once.</summary>
    public const string RunLimitMetric = "mlserve.run.limit";

    /// <summary>
    /// Up-down counter of <c>{thread}</c>: threads of the process that are in a call of the native runtime which never returned while a
    /// model was loaded. From 2 on, models that were not verified are refused.
    /// </summary>
    public const string LoadAbandonedMetric = "mlserve.load.abandoned";

    /// <summary>Histogram of the rows of batches, in rows, by <see cref="ModelTag"/> and <see cref="CloseReasonTag"/>.</summary>
    public const string BatchSizeMetric = "mlserve.batch.size";

    /// <summary>Histogram of how long batches ran, in seconds, by <see cref="ModelTag"/>.</summary>
    public const string BatchDurationMetric = "mlserve.batch.duration";

    /// <summary>Histogram of how long the first request of a batch waited for its run, in seconds, by <see cref="ModelTag"/>.</summary>
    public const string BatchQueueDurationMetric = "mlserve.batch.queue.duration";

    /// <summary>
    /// Counter of <c>{row}</c>: batched rows that were run again alone, by <see cref="ModelTag"/> and <see cref="RecheckOutcomeTag"/>.
    /// </summary>
    public const string BatchRechecksMetric = "mlserve.batch.rechecks";

    /// <summary>
    /// The outcome of running a batched row again alone: <c>same</c>, <c>different</c>, <c>unrepeatable</c> (it differs alone as well),
    /// <c>failed</c> (it could not be told).
    /// </summary>
    public const string RecheckOutcomeTag = "mlserve.batch.recheck_outcome";

    /// <summary>Why a batch stopped growing: <c>full</c>, <c>idle</c>, <c>delay</c>, <c>deadline</c>, <c>drain</c>.</summary>
    public const string CloseReasonTag = "mlserve.batch.close_reason";

    /// <summary>
    /// Counter of <c>{prediction}</c>: answered with a kept answer. Tag, here and of all cache metrics: <see cref="ModelTag"/>.
    /// </summary>
    public const string CacheHitsMetric = "mlserve.cache.hits";

    /// <summary>Counter of <c>{prediction}</c>: looked up in vain, so that the model was asked.</summary>
    public const string CacheMissesMetric = "mlserve.cache.misses";

    /// <summary>Counter of <c>{prediction}</c>: answered with the answer of an equal one that was under way.</summary>
    public const string CacheCoalescedMetric = "mlserve.cache.coalesced";

    /// <summary>Counter of <c>{prediction}</c>: old answers given through <see cref="IStaleAnswers"/>.</summary>
    public const string CacheStaleHitsMetric = "mlserve.cache.stale_hits";

    /// <summary>Counter of <c>{prediction}</c>: went past the cache, which was off or could not tell what they ask.</summary>
    public const string CacheBypassedMetric = "mlserve.cache.bypassed";

    /// <summary>Counter of <c>{prediction}</c>: answered from the <c>HybridCache</c>.</summary>
    public const string CacheSecondLevelHitsMetric = "mlserve.cache.second_level.hits";

    /// <summary>Counter of <c>{operation}</c>: uses of the <c>HybridCache</c> that failed or took too long.</summary>
    public const string CacheSecondLevelFailuresMetric = "mlserve.cache.second_level.failures";

    /// <summary>Counter of <c>{entry}</c>: kept answers that had to go for others.</summary>
    public const string CacheEvictionsMetric = "mlserve.cache.evictions";

    /// <summary>Counter of <c>{entry}</c>: answers that were not kept: too large, or asked for too rarely.</summary>
    public const string CacheRejectionsMetric = "mlserve.cache.rejections";

    /// <summary>Up-down counter of <c>{entry}</c>: answers that are kept.</summary>
    public const string CacheEntriesMetric = "mlserve.cache.entry.count";

    /// <summary>Up-down counter of <c>By</c>: the bytes that kept answers take.</summary>
    public const string CacheBytesMetric = "mlserve.cache.size";

    /// <summary>Up-down counter of <c>{cache}</c>: 1 if the cache is in use, 0 if it has switched itself off.</summary>
    public const string CacheActiveMetric = "mlserve.cache.active";

    /// <summary>
    /// Counter of <c>{prediction}</c>: their caller was answered, at the deadline or by its token, while a layer of the application's went
    /// on. Tag: <see cref="ModelTag"/>.
    /// </summary>
    public const string LayerOverrunsMetric = "mlserve.layer.overruns";

    /// <summary>
    /// Up-down counter of <c>{circuit}</c>: 1 for the state in which a circuit breaker is, 0 for the others. Tags: <see cref="ModelTag"/>,
    /// <see cref="VersionTag"/>, <see cref="CircuitStateTag"/>.
    /// </summary>
    public const string CircuitActiveMetric = "mlserve.circuit.active";

    /// <summary>
    /// Counter of <c>{transition}</c>: how often a circuit breaker went into a state. Tags as those of <see cref="CircuitActiveMetric"/>.
    /// </summary>
    public const string CircuitTransitionsMetric = "mlserve.circuit.transitions";

    /// <summary>The state of a circuit breaker: <c>closed</c>, <c>half_open</c>, <c>open</c>, <c>isolated</c>.</summary>
    public const string CircuitStateTag = "mlserve.circuit.state";

    /// <summary>
    /// Counter of <c>{prediction}</c>: answered by a fallback chain. Tags: <see cref="ModelTag"/> (the model that was asked),
    /// <see cref="FallbackStepTag"/>, <see cref="ErrorTypeTag"/> (why the model did not answer).
    /// </summary>
    public const string FallbackAnswersMetric = "mlserve.fallback.answers";

    /// <summary>
    /// Counter of <c>{prediction}</c>: not answered, although there is a fallback chain. Tags: <see cref="ModelTag"/>,
    /// <see cref="ErrorTypeTag"/>.
    /// </summary>
    public const string FallbackFailuresMetric = "mlserve.fallback.failures";

    /// <summary>
    /// The fallback step that answered in the model's place: the name of another model, <c>stale_answer</c>, <c>value</c> or
    /// <c>delegate</c>.
    /// </summary>
    public const string FallbackStepTag = "mlserve.fallback.step";

    /// <summary>Tag of activities: the status of the model that was asked, if something else answered in its place.</summary>
    public const string FallbackReasonTag = "mlserve.fallback.reason";

    /// <summary>
    /// Counter of <c>{fault}</c>: faults injected by <c>UseChaos</c>. Tags: <see cref="ModelTag"/>, <see cref="ChaosFaultTag"/>.
    /// </summary>
    public const string ChaosFaultsMetric = "mlserve.chaos.faults";

    /// <summary>The injected fault: <c>latency</c>, <c>failure</c>, <c>invalid_output</c>.</summary>
    public const string ChaosFaultTag = "mlserve.chaos.fault";

    /// <summary>
    /// Counter of <c>{fault}</c>, of the process: how often code threw that MlServe calls and that is not its own, so that it was left out.
    /// Tag: <see cref="GuestTag"/>.
    /// </summary>
    public const string GuestFaultsMetric = "mlserve.guest.faults";

    /// <summary>
    /// The guest that threw: <c>logger</c>, <c>meter_listener</c>, <c>activity_listener</c>, <c>event_listener</c>, <c>clock</c>,
    /// <c>layer</c> or <c>host</c>. Others are <c>context</c> (a synchronization context or task scheduler that takes no work),
    /// <c>cancellation</c> (a callback of a token) and <c>callback</c> (a handler or check). The value <c>mlserve</c> stands for work of
    /// its own.
    /// </summary>
    public const string GuestTag = "mlserve.guest";

    /// <summary>Tag of metrics and activities: the name by which the application asks for the model.</summary>
    public const string ModelTag = "mlserve.model";

    /// <summary>
    /// Tag of metrics and activities, only if there was no answer: the status (<see cref="PredictionStatusExtensions.ToTag"/>),
    /// <see cref="CancelledErrorType"/> or <see cref="ExceptionErrorType"/>.
    /// </summary>
    public const string ErrorTypeTag = "error.type";

    /// <summary>Value of <see cref="ErrorTypeTag"/>: the caller gave the request up.</summary>
    public const string CancelledErrorType = "cancelled";

    /// <summary>Value of <see cref="ErrorTypeTag"/>: the predictor threw.</summary>
    public const string ExceptionErrorType = "exception";

    /// <summary>Tag of activities: the status of the prediction (<see cref="PredictionStatusExtensions.ToTag"/>).</summary>
    public const string StatusTag = "mlserve.status";

    /// <summary>Tag of activities: the <see cref="PredictionErrorCode"/>, if there was no answer.</summary>
    public const string ErrorCodeTag = "mlserve.error_code";

    /// <summary>Tag of activities: the source of the answer, <c>model</c>, <c>cache</c>, <c>stale_cache</c> or <c>fallback</c>.</summary>
    public const string SourceTag = "mlserve.source";

    /// <summary>Tag of activities: the model that answered, if it is another than the one that was asked.</summary>
    public const string AnsweredByTag = "mlserve.answered_by";

    /// <summary>
    /// Tag of metrics and activities: the version of the model that answered, or did not answer; absent if that is not known. In metrics it
    /// is bounded. Another file under the same name of a version has the first digits of its digest behind it (<c>1@3f2a…</c>). From the
    /// 17th version of a model on it is <see cref="OtherVersions"/>.
    /// </summary>
    public const string VersionTag = "mlserve.version";

    /// <summary>Value of <see cref="VersionTag"/> in metrics: one of more versions than are told apart.</summary>
    public const string OtherVersions = "other";

    /// <summary>Tag of activities: the first 12 digits of the digest of the model that answered, or did not answer.</summary>
    public const string DigestTag = "mlserve.digest";

    /// <summary>Tag of activities: the <see cref="Caller.Tenant"/> of the caller, if there is one.</summary>
    public const string TenantTag = "mlserve.tenant";

    /// <summary>Tag of activities: the rows of the request, if it states them.</summary>
    public const string RowsTag = "mlserve.rows";

    /// <summary>Tag of activities: the rows of the batch that the request rode in.</summary>
    public const string BatchRowsTag = "mlserve.batch_rows";

    /// <summary>EventCounter: predictions a second.</summary>
    public const string PredictionsPerSecondCounter = "predictions-per-second";

    /// <summary>EventCounter: predictions that ended, however they ended.</summary>
    public const string TotalPredictionsCounter = "total-predictions";

    /// <summary>EventCounter: predictions that ended with the status <see cref="PredictionStatus.Failed"/> or an exception.</summary>
    public const string FailedPredictionsCounter = "failed-predictions";

    /// <summary>
    /// EventCounter: predictions that ended with a status other than <see cref="PredictionStatus.Ok"/> and
    /// <see cref="PredictionStatus.Failed"/>.
    /// </summary>
    public const string RefusedPredictionsCounter = "refused-predictions";

    /// <summary>EventCounter: predictions that their callers gave up.</summary>
    public const string CancelledPredictionsCounter = "cancelled-predictions";

    /// <summary>EventCounter: predictions under way.</summary>
    public const string CurrentPredictionsCounter = "current-predictions";

    /// <summary>EventCounter: the mean duration, in milliseconds, of the predictions that ended since the counter was last read.</summary>
    public const string MeanDurationCounter = "mean-duration";

    /// <summary>EventCounter: predictions that were never disposed, found by the garbage collector.</summary>
    public const string AbandonedPredictionsCounter = "abandoned-predictions";
}
