namespace MlServe.Features;

/// <summary>
/// The place of a feature's layer, from the outermost to the innermost. Features of one slot stand in the order in which they were added,
/// and inside of the built-in one.
/// </summary>
public enum FeatureSlot
{
    /// <summary>Before the model is read: the feature changes its source, or how it is opened, and adds no layer.</summary>
    Source,

    /// <summary>Around the model, loaded or not: the fallback chain alone.</summary>
    Fallback,

    /// <summary>
    /// Outside of the cache, so that it sees every request. Inside of the layers that the application adds in code, but for those that it
    /// adds after <c>UseCache</c>.
    /// </summary>
    Application,

    /// <summary>The cache: a layer here sees only requests that the cache does not answer.</summary>
    Cache,

    /// <summary>The timeout: a layer here may be cut off.</summary>
    Timeout,

    /// <summary>The circuit breaker: a failure of a layer here counts as the model's.</summary>
    CircuitBreaker,

    /// <summary>Faults that are injected into the model.</summary>
    Chaos,

    /// <summary>The batcher alone: a layer within it would see batches, and not requests.</summary>
    Batching,
}
