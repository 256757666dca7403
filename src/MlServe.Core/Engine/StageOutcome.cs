using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>What a <see cref="PredictionStage"/> has done with a call.</summary>
[Experimental("MLSERVE001")]
public enum StageOutcome
{
    /// <summary>The call goes on: to the stage behind this one on its way in, to the one before it on its way out.</summary>
    Next,

    /// <summary><see cref="StageCall.Answer"/> has been set, and what stands behind the stage is left out.</summary>
    Answered,

    /// <summary>
    /// The stage waits for what it has given to <see cref="StageCall.Wait"/>, and the call goes on when that has ended.
    /// </summary>
    Pending,
}
