using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Reads a model's graph and refuses one that would take the time or memory of the process, or bring the runtime down. The reasons are
/// functions that expand without end, loops, derived sizes and attributes.
/// </summary>
internal static class GraphSafety
{
    /// <returns>The values that requests must not hold.</returns>
    /// <exception cref="ModelLoadException">The model is not safe to open.</exception>
    public static IReadOnlyList<InputGuard> Check(ReadOnlySpan<byte> model, OnnxInspectionLimits limits)
    {
        var graph = OnnxGraph.Read(model, new()
        {
            MaxDepth = limits.MaxDepth,
            MaxNodes = limits.MaxNodes,
            MaxTensors = limits.MaxTensors,
            MaxNameLength = limits.MaxNameLength,

            // What the inspection steps over, names and inferred shapes, is kept here: it takes some times its bytes in the file, and the
            // file is in memory already.
            MaxEntries = int.MaxValue,
            MaxTextBytes = int.MaxValue,
        });
        new FunctionExpansion(graph, limits).Check();
        return new GraphEstimator(graph, limits).Check();
    }
}
