namespace MlServe.Batching;

/// <summary>When a model behind the batcher counts as ready.</summary>
public enum BatchReadiness
{
    /// <summary>
    /// As soon as one row was run through all layers. Larger batches are measured in the background, size after size, when requests come
    /// together. Until then rows run one at a time.
    /// </summary>
    WhenServable,

    /// <summary>
    /// When the sizes up to <see cref="BatchingOptions.MaxBatchSize"/> were measured too, for two seconds at most. The first requests meet
    /// batches of the right size, and the lanes have their memory from the beginning.
    /// </summary>
    WhenCalibrated,
}
