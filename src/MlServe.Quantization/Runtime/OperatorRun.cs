namespace MlServe.Quantization.Runtime;

/// <summary>One run of one operator.</summary>
/// <param name="Operator">Its type.</param>
/// <param name="Inputs">The inputs that were given, in order.</param>
/// <param name="Outputs">The outputs, in order.</param>
internal sealed record OperatorRun(string Operator, IReadOnlyList<TypedShape> Inputs, IReadOnlyList<TypedShape> Outputs);
