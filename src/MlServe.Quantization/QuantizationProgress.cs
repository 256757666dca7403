namespace MlServe.Quantization;

/// <summary>How far quantizing has come.</summary>
/// <param name="Stage">The stage; never an earlier one than before.</param>
/// <param name="Share">The share of all work that is done, 0 to 1, by a guess; never less than before.</param>
/// <param name="Message">The current work, for a person.</param>
public readonly record struct QuantizationProgress(QuantizationStage Stage, double Share, string Message);
