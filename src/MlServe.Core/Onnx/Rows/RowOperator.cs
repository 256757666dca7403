namespace MlServe.Onnx.Rows;

/// <summary>The rule of an operator: the facts about its outputs, given those about its inputs.</summary>
/// <param name="Follow">An output for each that the node has, or the first few.</param>
/// <param name="Required">How many inputs must be there.</param>
/// <param name="TakesCounts">Whether the rule deals with values that follow from the number of rows; else they are data, which they must
/// not be.</param>
/// <param name="TakesBroken">Whether the rule deals with values that are broken; else so are all outputs.</param>
/// <param name="TakesPositions">Whether the rule deals with values that tell which row a row is; else they are data, which they must not
/// be.</param>
/// <param name="TakesTuples">Whether the rule deals with tuples of indices of which one tells which row a row is.</param>
/// <param name="TakesSequences">Whether the rule deals with values that are no tensors.</param>
internal sealed record RowOperator(
    Func<NodeFlow, FlowValue[]> Follow, int Required = 1, bool TakesCounts = false, bool TakesBroken = false, bool TakesPositions = false,
    bool TakesTuples = false,
    bool TakesSequences = false);
