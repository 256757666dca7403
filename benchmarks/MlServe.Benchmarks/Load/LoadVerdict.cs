namespace MlServe.Benchmarks.Load;

/// <summary>What a load test says.</summary>
internal enum LoadVerdict
{
    Pass,
    Fail,

    /// <summary>The generator was too late, or the clock is broken: the figures say nothing.</summary>
    Void,

    /// <summary>It was ended before it could say anything.</summary>
    Cancelled,
}
