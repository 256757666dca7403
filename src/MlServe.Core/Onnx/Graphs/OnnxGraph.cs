using System.Diagnostics.CodeAnalysis;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>
/// The computation of a model, as far as it has to be understood and not only counted: its graphs, functions and small constants. Read
/// without trusting a byte, and immutable. Weights are not copied: the model of a graph is small beside its file.
/// </summary>
internal sealed class OnnxGraph
{
    /// <summary>The most elements of a tensor or a list that are kept. The tensors that shapes are made of have fewer.</summary>
    public const int MaxKeptValues = 4096;

    /// <summary>The most bytes of a text in an attribute that are kept.</summary>
    public const int MaxKeptText = 4096;

    /// <summary>Elements of tensors and lists that are kept in all; 64 MiB.</summary>
    public const int MaxKeptInAll = 8 * 1024 * 1024;

    /// <summary>The first IR version in which an initializer that is an input as well is a default, and not a constant.</summary>
    private const long FirstWithDefaults = 4;

    private static readonly OnnxInspectionLimits DefaultLimits = new() { MaxNodes = 250_000, MaxTensors = 500_000, MaxEntries = 2_000_000 };

    public required long IrVersion { get; init; }

    public required GraphBody Main { get; init; }

    /// <summary>The operator sets of the main graph and its subgraphs, by domain; ONNX's own is <c>ai.onnx</c>.</summary>
    public required IReadOnlyDictionary<string, long> Opsets { get; init; }

    public required IReadOnlyList<GraphFunction> Functions { get; init; }

    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    /// <summary>
    /// The faults that make the model as a whole ambiguous: an operator set or a function that is given twice. Empty for a valid model;
    /// graphs have their own.
    /// </summary>
    public required IReadOnlyList<string> Faults { get; init; }

    /// <summary>The inputs that a session has, in its order: those that a request must give, then those that have a default.</summary>
    public IReadOnlyList<OnnxValueInfo> SessionInputs => field ??=
        [.. Main.Inputs.Where(static input => !input.HasDefault), .. Main.Inputs.Where(input => IsDefault(input.Name))];

    private Dictionary<(string Domain, string Name, string Overload), GraphFunction> ByName => field ??= Index();

    private HashSet<string> Defaults => field ??=
        [.. Main.Inputs.Where(input => IrVersion >= FirstWithDefaults && input.HasDefault).Select(static input => input.Name)];

    /// <summary>Reads a model.</summary>
    /// <exception cref="ModelLoadException">The bytes are no ONNX model, or it is beyond the limits.</exception>
    public static OnnxGraph Read(ReadOnlySpan<byte> model, OnnxInspectionLimits? limits = null) =>
        OnnxGraphReader.Read(model, limits ?? DefaultLimits);

    /// <summary>The function that a node calls; null for an operator.</summary>
    public GraphFunction? FindFunction(GraphNode node) => ByName.GetValueOrDefault((node.Domain, node.OpType, node.Overload));

    /// <summary>Whether a name of the main graph is an initializer that a request may replace.</summary>
    public bool IsDefault(string name) => Defaults.Contains(name);

    /// <summary>The value of an initializer of the main graph that no request can change.</summary>
    public bool TryGetConstant(string name, [NotNullWhen(true)] out GraphTensor? value) =>
        Main.Initializers.TryGetValue(name, out value) && !IsDefault(name);

    private Dictionary<(string Domain, string Name, string Overload), GraphFunction> Index()
    {
        var index = new Dictionary<(string Domain, string Name, string Overload), GraphFunction>();
        foreach (var function in Functions)
            index.TryAdd((function.Domain, function.Name, function.Overload), function);
        return index;
    }
}
