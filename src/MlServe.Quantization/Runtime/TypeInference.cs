using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Runtime;

/// <summary>Asks ONNX Runtime for the types of values inside a model: it infers those of outputs that are declared without one.</summary>
internal static class TypeInference
{
    /// <summary>
    /// The element type and number of axes of tensors. Values that are no tensors are absent; a number of axes that is not known is null.
    /// </summary>
    public static IReadOnlyDictionary<string, (DataType Element, int? Rank)> Run(ModelProto model, IReadOnlySet<string> values)
    {
        var probe = model.Clone();
        var known = probe.Graph.Output.Select(static output => output.Name).ToHashSet(StringComparer.Ordinal);
        probe.Graph.Output.Add(values.Where(value => !known.Contains(value))
            .Order(StringComparer.Ordinal)
            .Select(static value => new ValueInfoProto { Name = value }));
        using var session = GraphSession.Open(OnnxFile.ToBytes(probe), GraphOptimizationLevel.ORT_DISABLE_ALL);
        var types = new Dictionary<string, (DataType Element, int? Rank)>(StringComparer.Ordinal);
        foreach (var (name, type) in session.Session.OutputMetadata)
        {
            // A tensor whose shape is not known has no axes here, as a scalar has none.
            if (values.Contains(name) && type.IsTensor)
                types.Add(name, ((DataType)type.ElementDataType, type.Dimensions.Length == 0 ? null : type.Dimensions.Length));
        }

        return types;
    }

    /// <summary>
    /// The lengths of the axes of tensors of the main graph, null for one that is not known, from the inputs and operators alone.
    /// </summary>
    public static IReadOnlyDictionary<string, long?[]> Shapes(ModelProto model)
    {
        var probe = model.Clone();
        foreach (var graph in Graphs.Of(probe))
            graph.ValueInfo.Clear();
        probe.Graph.Output.Clear();
        probe.Graph.Output.Add(probe.Graph.Node.SelectMany(static node => node.Output).Where(static output => output.Length > 0)
            .Distinct(StringComparer.Ordinal)
            .Select(static output => new ValueInfoProto { Name = output }));
        var shapes = new Dictionary<string, long?[]>(StringComparer.Ordinal);
        using var session = GraphSession.Open(OnnxFile.ToBytes(probe), GraphOptimizationLevel.ORT_DISABLE_ALL);
        foreach (var (name, type) in session.Session.OutputMetadata)
        {
            if (type.IsTensor && type.Dimensions.Length > 0)
                shapes.Add(name, [.. type.Dimensions.Select(static size => size >= 0 ? size : (long?)null)]);
        }

        return shapes;
    }
}
