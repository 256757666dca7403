namespace MlServe.Batching;

/// <summary>Which thread runs the model.</summary>
public enum RunMode
{
    /// <summary>
    /// The caller's own where it is alone and the run is short; else a thread of the pool, or the lane's own where runs are long.
    /// </summary>
    Auto = 0,

    /// <summary>The caller's own wherever a lane is idle.</summary>
    Inline,

    /// <summary>Never the caller's.</summary>
    Queued,
}
