namespace MlServe.Benchmarks.Scorecard;

/// <summary>How a caller waits for its answer.</summary>
internal enum BlockingWay
{
    /// <summary>It awaits.</summary>
    Await,

    /// <summary>It blocks its thread on the task.</summary>
    Block,

    /// <summary>It asks by the synchronous call.</summary>
    Predict,
}
