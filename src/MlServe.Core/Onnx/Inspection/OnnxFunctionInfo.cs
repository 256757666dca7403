namespace MlServe.Onnx.Inspection;

/// <summary>A function that the model defines for itself.</summary>
/// <param name="Domain">The domain; <c>ai.onnx</c> if the file leaves it empty.</param>
/// <param name="Name">The name, which nodes use as their operator.</param>
/// <param name="Overload">Which of several functions of the same domain and name it is; empty for the only one.</param>
/// <param name="NodeCount">The nodes of its body, those of the subgraphs in it included.</param>
/// <param name="Opsets">The operator sets that its body imports.</param>
public sealed record OnnxFunctionInfo(string Domain, string Name, string Overload, long NodeCount, IReadOnlyList<OnnxOpset> Opsets);
