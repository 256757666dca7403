namespace MlServe;

/// <summary>The place of a call on its way through the stages.</summary>
internal enum StagePhase : byte
{
    /// <summary>On its way in.</summary>
    Entering,

    /// <summary>Waits for what the stage that was entered last waits for.</summary>
    Resuming,

    /// <summary>On its way out.</summary>
    Leaving,
}
