namespace MlServe.Quantization;

/// <summary>The fate of one operator of the model.</summary>
/// <param name="Node">Its name, or that of its first output if it has none.</param>
/// <param name="OpType">The operator.</param>
/// <param name="IsQuantized">Whether it works on integers (or, for weight-only methods, whether its weights were changed).</param>
/// <param name="Reason">Why, in a few words for a person; empty if it was quantized and there is nothing to say.</param>
public sealed record NodeDecision(string Node, string OpType, bool IsQuantized, string Reason);
