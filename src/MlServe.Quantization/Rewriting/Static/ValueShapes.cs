using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>The shapes that a graph states for its values; an axis that it leaves open is null.</summary>
internal sealed class ValueShapes
{
    private readonly Dictionary<string, long?[]> _shapes = new(StringComparer.Ordinal);

    public ValueShapes(GraphProto graph)
    {
        foreach (var value in graph.Input.Concat(graph.Output).Concat(graph.ValueInfo))
        {
            if (value.Type?.TensorType?.Shape is { } shape)
                _shapes[value.Name] = [.. shape.Dim.Select(static axis => axis.HasDimValue && axis.DimValue > 0
                    ? axis.DimValue
                    : (long?)null)];
        }
    }

    public long?[]? Find(string value) => _shapes.GetValueOrDefault(value);
}
