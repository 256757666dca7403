using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Probing;

/// <summary>The meaning of names in a graph, a subgraph or a function's body: constants, and inputs of the model.</summary>
internal sealed class GraphScope(GraphScope? around)
{
    private readonly Dictionary<string, GraphTensor> _constants = [];
    private readonly Dictionary<string, string?> _origins = [];
    private readonly HashSet<string> _requested = [];
    private readonly HashSet<string> _reals = [];

    public void SetConstant(string name, GraphTensor tensor) => _constants[name] = tensor;

    /// <summary>Says which input of the model a name has the numbers of; null for none.</summary>
    public void SetOrigin(string name, string? input) => _origins[name] = input;

    /// <summary>Says that a name's numbers follow from those of a request.</summary>
    public void SetRequested(string name) => _requested.Add(name);

    /// <summary>Says that a name's numbers are no integers any more.</summary>
    public void SetReal(string name) => _reals.Add(name);

    public bool IsReal(string name) => _reals.Contains(name) || (around?.IsReal(name) ?? false);

    public bool IsRequested(string name) => _requested.Contains(name) || (around?.IsRequested(name) ?? false);

    public GraphTensor? ConstantOf(string name) => _constants.TryGetValue(name, out var found) ? found : around?.ConstantOf(name);

    public string? OriginOf(string name) => _origins.TryGetValue(name, out var found) ? found : around?.OriginOf(name);
}
