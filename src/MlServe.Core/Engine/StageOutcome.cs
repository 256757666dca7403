using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>How a call goes on after a hook of a <see cref="PredictionStage"/>.</summary>
[Experimental("MLSERVE001")]
public enum StageOutcome
{
    /// <summary>The call goes on: to the stage behind this one on its way in, to the one before it on its way out.</summary>
    Next,

    /// <summary><see cref="StageCall.Answer"/> has been set, and all behind the stage is left out.</summary>
    Answered,

    /// <summary>
    /// The stage waits for the task that it has given to <see cref="StageCall.Wait"/>, and the call goes on when that has ended.
    /// </summary>
    Pending,
}
