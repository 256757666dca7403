namespace MlServe;

/// <summary>What a stage has done with a call.</summary>
internal enum StageOutcome
{
    /// <summary>The call goes on: to the stage behind this one on its way in, to the one before it on its way out.</summary>
    Next,

    /// <summary><see cref="StageCall.Answer"/> has been set, and what stands behind the stage is left out.</summary>
    Answered,

    /// <summary><see cref="StageCall.Pending"/> has been set, and the call goes on when that has ended.</summary>
    Pending,
}
