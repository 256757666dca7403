namespace MlServe.Benchmarks.Scorecard;

/// <summary>How a fresh process loads models.</summary>
internal enum LoadWay
{
    /// <summary>A session of the runtime's each, and one run.</summary>
    Raw,

    /// <summary>A host without models.</summary>
    BareHost,

    /// <summary><c>AddMlServing</c>.</summary>
    Host,

    /// <summary>The same with <c>UseBatching</c>.</summary>
    Batching,

    /// <summary>As <see cref="Host"/>, with a folder of optimized models in which an earlier load has left its own.</summary>
    Seen,

    /// <summary>The same with <c>UseStandardPipeline</c>.</summary>
    Standard,
}
