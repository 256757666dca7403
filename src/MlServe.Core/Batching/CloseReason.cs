namespace MlServe.Batching;

/// <summary>Why a batch stopped growing.</summary>
public enum CloseReason
{
    /// <summary>No further request fitted in.</summary>
    Full = 0,

    /// <summary>A lane was idle.</summary>
    Idle,

    /// <summary>It had been held back as long as <see cref="BatchingOptions.MaxQueueDelay"/> allows.</summary>
    Delay,

    /// <summary>A request in it could not wait longer.</summary>
    Deadline,

    /// <summary>The predictor is being disposed.</summary>
    Drain,
}
