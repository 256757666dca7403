namespace MlServe.Cases;

/// <summary>The ways in which a case ends.</summary>
internal enum CaseOutcomeKind
{
    /// <summary>Every answer is the expected one.</summary>
    Right,

    /// <summary>The model was not loaded or the request not answered, and a clear error said why.</summary>
    Refused,

    /// <summary>An answer differs.</summary>
    Wrong,

    /// <summary>An exception that nobody is told to expect.</summary>
    Crashed,
}
