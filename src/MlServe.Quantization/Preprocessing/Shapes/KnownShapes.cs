using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Preprocessing.Shapes;

/// <summary>
/// Shapes of values that can be relied on, because they follow from the inputs that the runtime asks for. Some rewrites are exact only if a
/// constant does not widen a value, and have to know them. The model's own statements about the values within are not believed.
/// </summary>
internal sealed class KnownShapes
{
    private readonly ModelProto _model;
    private readonly GraphProto _main;
    private readonly SymbolicShapes _symbolic;
    private IReadOnlyDictionary<string, long?[]>? _inferred;

    /// <param name="model">The model whose values these are.</param>
    /// <param name="main">Its main graph, or the main graph of a copy that is being changed.</param>
    public KnownShapes(ModelProto model, GraphProto? main = null)
    {
        _model = model;
        _main = main ?? model.Graph;
        _symbolic = new(model.Graph);
    }

    /// <summary>
    /// The lengths of the axes, null for one that is not known; null if not even their number is, and within subgraphs.
    /// </summary>
    public long?[]? Find(GraphProto graph, string value)
    {
        if (!ReferenceEquals(graph, _main)) return null;
        var symbolic = _symbolic.Find(value)?.Axes;
        if (symbolic is not null && symbolic.All(static axis => axis.IsKnown))
            return [.. symbolic.Select(static axis => (long?)axis.Length)];
        _inferred ??= Infer();
        var inferred = _inferred.GetValueOrDefault(value);
        if (symbolic is null) return inferred;
        return [.. symbolic.Select((axis, i) => axis.IsKnown ? axis.Length : inferred?.Length == symbolic.Length ? inferred[i] : null)];
    }

    private IReadOnlyDictionary<string, long?[]> Infer()
    {
        try
        {
            return TypeInference.Shapes(_model);
        }
        catch (QuantizationException)
        {
            // What the runtime refuses here it refuses later too, with a better message.
            return new Dictionary<string, long?[]>();
        }
    }
}
