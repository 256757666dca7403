using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>Reads a model's graph and refuses what would take the time or memory of the process, or bring the runtime down: functions that expand without end, loops, derived sizes, attributes.</summary>
internal static class GraphSafety
{
    /// <exception cref="ModelLoadException">The model is not safe to open.</exception>
    public static void Check(ReadOnlySpan<byte> model, OnnxInspectionLimits limits)
    {
        var graph = OnnxGraph.Read(model, new()
        {
            MaxDepth = limits.MaxDepth,
            MaxNodes = limits.MaxNodes,
            MaxTensors = limits.MaxTensors,
            MaxNameLength = limits.MaxNameLength,

            // What the inspection steps over, names and inferred shapes, is kept here: it takes some times its bytes in the file, and the file is in memory already.
            MaxEntries = int.MaxValue,
            MaxTextBytes = int.MaxValue,
        });
        new FunctionExpansion(graph, limits).Check();
        new GraphEstimator(graph, limits).Check();
    }
}
