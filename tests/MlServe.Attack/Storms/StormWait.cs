namespace MlServe.Attack.Storms;

/// <summary>How a caller waits.</summary>
internal enum StormWait
{
    /// <summary>It awaits.</summary>
    Await,

    /// <summary>It hands its waiting code over, and counts how often that is called.</summary>
    Continue,

    /// <summary>It blocks its thread on the task.</summary>
    Block,

    /// <summary>It asks by the synchronous call.</summary>
    Predict,
}
