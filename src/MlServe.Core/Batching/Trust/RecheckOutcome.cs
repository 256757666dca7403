namespace MlServe.Batching;

/// <summary>The outcome of running a batched row again alone.</summary>
internal enum RecheckOutcome
{
    /// <summary>The same answer, but for rounding.</summary>
    Same,

    /// <summary>Another answer.</summary>
    Different,

    /// <summary>Another answer each time, also alone.</summary>
    Unrepeatable,

    /// <summary>It could not be told: the run failed, or nothing in the answer is finite.</summary>
    Failed,
}
