using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Rows;

/// <summary>Follows the rows of a batch through a graph, and tells whether one can reach another's answer.</summary>
/// <remarks>
/// An abstract interpretation: instead of numbers, each operator's rule computes how its output in company relates to its outputs alone
/// (<see cref="FlowValue"/>). The operators that make shapes are computed with the number of rows as an unknown (<see cref="Term"/>), so
/// that Shape, Gather, Concat and Reshape are seen through. A proof says: if a run of several rows succeeds, each row's answers are those
/// that it gets alone, up to rounding.
/// </remarks>
internal static class RowFlow
{
    /// <summary>Follows rows that lie along the given axes.</summary>
    /// <param name="graph">The model.</param>
    /// <param name="inputAxes">For each of <see cref="OnnxGraph.SessionInputs"/> the batch axis; null for one that holds for all
    /// rows.</param>
    /// <param name="cancellationToken">Cancels the work, which is bounded also without.</param>
    public static RowProof Follow(OnnxGraph graph, IReadOnlyList<int?> inputAxes, CancellationToken cancellationToken = default) =>
        Judge(graph, FollowOutputs(graph, inputAxes, cancellationToken));

    /// <summary>The facts about each output, of which <see cref="Follow"/> makes its verdict.</summary>
    internal static FlowValue[] FollowOutputs(OnnxGraph graph, IReadOnlyList<int?> inputAxes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var trace = new RowTrace(graph, cancellationToken);
        var inputs = new Dictionary<string, FlowValue>();
        for (var i = 0; i < graph.SessionInputs.Count; i++)
        {
            if (Start(trace, graph.SessionInputs[i], i < inputAxes.Count ? inputAxes[i] : null) is { } value)
                inputs[graph.SessionInputs[i].Name] = value;
        }

        if (graph.Faults is [var fault, ..]) trace.GiveUp(new(null, $"the model is not valid: {fault}", IsCertain: false));
        if (!inputs.Values.Any(static input => input.IsRows)) trace.GiveUp(new(null, "no input has rows", IsCertain: false));
        return BodyFlow.OfMain(trace).Run(inputs);
    }

    private static FlowValue? Start(RowTrace trace, OnnxValueInfo input, int? axis)
    {
        if (input.Type.Kind != OnnxValueKind.Tensor || input.Type.Dimensions is not { } declared)
        {
            if (axis is not null) trace.GiveUp(new(null, $"the input '{input.Name}' has no known shape", IsCertain: false));
            return FlowValue.Shared(null);
        }

        // The runtime refuses a request whose sizes are not those that the model declares for its inputs; names of sizes it does not
        // compare.
        Size[] dims = [.. declared.Select(dim => dim.Size is { } size ? Size.Of(size) : trace.Symbols.Count())];
        if (axis is not { } rows) return FlowValue.Shared(dims);
        if (rows < 0 || rows >= dims.Length || declared[rows].Size is not null)
        {
            trace.GiveUp(new(null, $"the input '{input.Name}' has no axis {rows} of free size", IsCertain: false));
            return FlowValue.Shared(dims);
        }

        dims[rows] = Size.One;
        return FlowValue.Rows(dims, rows, Size.One);
    }

    private static RowProof Judge(OnnxGraph graph, FlowValue[] outputs)
    {
        Cause? cause = null;
        var axes = new int?[outputs.Length];
        for (var i = 0; i < outputs.Length; i++)
        {
            if (FaultOf(outputs[i], graph.Main.Outputs[i].Name) is { } fault) cause = cause is null ? fault : Cause.Of(cause, fault);
            else axes[i] = outputs[i].IsRows ? outputs[i].Axis : 0;
        }

        return new()
        {
            Verdict = cause is null ? RowIndependence.Proved : cause.IsCertain ? RowIndependence.Disproved : RowIndependence.Unknown,
            Node = cause?.Node,
            Reason = cause?.Reason ?? "",
            OutputAxes = axes,
        };
    }

    private static Cause? FaultOf(FlowValue output, string name) => output switch
    {
        { IsBroken: true } => output.DataCause ?? output.Cause,
        { IsPosition: true } => new(null, $"the output '{name}' tells the place of a row in the batch", IsCertain: true),
        { Doubt: { } doubt } => doubt,
        { Kind: FlowKind.Count } => new(null, $"the output '{name}' follows from the number of rows in the batch", IsCertain: true),
        { Kind: FlowKind.RowSequence } => null,
        { IsRows: true } when output.Dims[output.Axis] is { IsKnown: true } size && !size.Is(1) =>
            new(null, $"the output '{name}' has {size} for each row along the axis of the rows", IsCertain: false),
        { IsRows: true } => null,
        _ => new(null, $"the output '{name}' has no rows", IsCertain: false),
    };
}
