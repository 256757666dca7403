namespace MlServe.Batching;

/// <summary>Which thread runs the model.</summary>
public enum RunMode
{
    /// <summary>
    /// The caller's own if it is alone and the run is short. Else a thread of the pool, or the lane's own if runs are long.
    /// </summary>
    Auto = 0,

    /// <summary>The caller's own if a lane is idle.</summary>
    Inline,

    /// <summary>Never the caller's.</summary>
    Queued,
}
