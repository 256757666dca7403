namespace MlServe.Onnx.Inspection;

/// <summary>
/// How often a model uses an operator, in nodes as they stand in the file: a function's body counts once, however often it is called.
/// </summary>
/// <param name="Domain">The domain; ONNX's own is <c>ai.onnx</c>, also if the file leaves it empty.</param>
/// <param name="OpType">The operator's name, or that of a function of the model.</param>
/// <param name="InMainGraph">Nodes in the main graph itself.</param>
/// <param name="InSubgraphs">
/// Nodes in the bodies of <c>If</c>, <c>Loop</c>, <c>Scan</c> and the like, at any depth under the main graph.
/// </param>
/// <param name="InFunctions">Nodes in the functions of the model and in the subgraphs under them.</param>
/// <param name="InTraining">Nodes in the training graphs, which an inference never runs.</param>
public sealed record OnnxOperatorUse(
    string Domain, string OpType, long InMainGraph, long InSubgraphs, long InFunctions, long InTraining)
{
    /// <summary>The nodes that an inference may run: all but those of the training graphs.</summary>
    public long Count => InMainGraph + InSubgraphs + InFunctions;
}
