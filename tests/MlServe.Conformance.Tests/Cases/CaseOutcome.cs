namespace MlServe.Cases;

/// <summary>How a case ended.</summary>
/// <param name="Kind">In a word.</param>
/// <param name="Detail">What there is to say; empty where it is right.</param>
internal readonly record struct CaseOutcome(CaseOutcomeKind Kind, string Detail = "");
