using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Probing;

/// <summary>
/// Tells from a graph how to try its model: the integers that its inputs take, and whether its answers are random or drift.
/// </summary>
internal sealed class GraphFacts
{
    // Numbers of TensorProto.DataType.
    private const long Float = 1, Float16 = 10, Double = 11, BFloat16 = 16;

    private readonly Dictionary<string, IntegerRange> _ranges = [];
    private readonly HashSet<string> _nodeNames = [];
    private readonly HashSet<string> _operators = [];
    private readonly HashSet<string> _refusable = [];
    private readonly HashSet<string> _numbers = [];
    private readonly HashSet<string> _places = [];

    private GraphFacts()
    {
    }

    /// <summary>The facts about a model whose graph could not be read.</summary>
    public static GraphFacts None { get; } = new();

    /// <summary>
    /// For each input that has one the range of its integers: a <c>Gather</c> over a table of n rows takes 0 to n - 1. A hint for made-up
    /// rows; inputs that no operator bounds are left out.
    /// </summary>
    public IReadOnlyDictionary<string, IntegerRange> Ranges => _ranges;

    /// <summary>
    /// The first node by which answers are random or something is kept from run to run, with a clause that says so. Null if there is none.
    /// </summary>
    public (string Node, string Reason)? Unrepeatable { get; private set; }

    /// <summary>
    /// Whether an input's integers are numbers like any other: all that is done with them is to compare them, or to make floats of them.
    /// They are no index and no size, so that no number is too large for them.
    /// </summary>
    public bool IsNumber(string input) => _numbers.Contains(input) && !_places.Contains(input) && !_ranges.ContainsKey(input);

    public static GraphFacts Find(OnnxGraph graph)
    {
        var facts = new GraphFacts();
        new GraphWalk(graph, facts.Look).Run();
        return facts;
    }

    /// <summary>Whether a node that failed is one of the file's own, and not one that the runtime made of several.</summary>
    public bool HasNode(string opType, string name) =>
        _operators.Contains(opType) && (name.Length == 0 || _nodeNames.Count == 0 || _nodeNames.Contains(name));

    /// <summary>Whether a node may fail because of the numbers of a request: its indices, sizes or texts come from there.</summary>
    public bool CanNumbersFail(string opType, string name) =>
        _operators.Count == 0 || !HasNode(opType, name) || _refusable.Contains(Key(opType, name));

    private static string Key(string opType, string name) => $"{opType}/{name}";

    private void Look(GraphNode node, GraphScope scope)
    {
        _operators.Add(node.OpType);
        if (node.Name.Length > 0) _nodeNames.Add(node.Name);
        if (node.Inputs.Skip(FirstIndexOf(node)).Any(scope.IsRequested)) _refusable.Add(Key(node.OpType, node.Name));
        if (Unrepeatable is null && UnrepeatableNode.ReasonOf(node, scope) is { } reason) Unrepeatable = (node.ToString(), reason);
        Use(node, scope);
        if (KeepsValues(node)) Follow(node, scope);
        else Bound(node, scope);
    }

    /// <summary>From which input on numbers are places or sizes, so that the node may refuse them.</summary>
    private static int FirstIndexOf(GraphNode node) =>
        node.OpType is "Gather" or "GatherElements" or "GatherND" or "ScatterElements" or "ScatterND" or "Scatter" or "Reshape"
            or "Expand" or "Tile" or "Slice" or "Pad" or "TopK" or "Unsqueeze" or "Squeeze" or "Split" or "Resize" or "Upsample"
            or "MaxUnpool" ? 1 : 0;

    private static bool KeepsValues(GraphNode node) => node.IsStandard && node.OpType
        is "Identity" or "Cast" or "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Transpose" or "Expand" or "Slice" or "Split"
            or "Tile";

    private static bool MakesReal(GraphNode node) => node.IsStandard && node.OpType == "Cast"
        && node.Int("to", 0) is Float or Float16 or Double or BFloat16;

    /// <summary>Sees what a node does with integers of the model's inputs.</summary>
    private void Use(GraphNode node, GraphScope scope)
    {
        if (node.IsStandard && node.OpType is "Shape" or "Size") return;
        var takesNumbers = MakesReal(node)
            || (node.IsStandard && node.OpType is "Equal" or "Greater" or "GreaterOrEqual" or "Less" or "LessOrEqual");
        for (var i = 0; i < node.Inputs.Length; i++)
        {
            if (scope.OriginOf(node.Inputs[i]) is not { } origin || scope.IsReal(node.Inputs[i])) continue;
            if (takesNumbers) _numbers.Add(origin);
            else if (i > 0 || !KeepsValues(node)) _places.Add(origin);
        }
    }

    private static void Follow(GraphNode node, GraphScope scope)
    {
        if (node.Inputs.Length == 0) return;
        var (origin, constant) = (scope.OriginOf(node.Inputs[0]), scope.ConstantOf(node.Inputs[0]));
        foreach (var output in node.Outputs)
        {
            if (origin is not null) scope.SetOrigin(output, origin);
            if (MakesReal(node) || scope.IsReal(node.Inputs[0])) scope.SetReal(output);
            if (constant is not null && node.OpType == "Identity") scope.SetConstant(output, constant);
        }
    }

    private void Bound(GraphNode node, GraphScope scope)
    {
        switch (node.OpType)
        {
            case "Gather" or "GatherElements":
                BoundByAxis(1, Constant(0), (int)node.Int("axis", 0));
                break;
            case "OneHot" when Constant(1) is { Integers: [var depth] }:
                Set(0, new(0, depth));
                break;
            case "EmbedLayerNormalization":
                BoundByAxis(0, Constant(2), 0);
                BoundByAxis(1, Constant(4), 0);
                break;
            case "Equal":
                BoundByList(0, Constant(1));
                BoundByList(1, Constant(0));
                break;
        }

        GraphTensor? Constant(int input) => input < node.Inputs.Length ? scope.ConstantOf(node.Inputs[input]) : null;

        void BoundByAxis(int input, GraphTensor? table, int axis)
        {
            if (table is null) return;
            if (axis < 0) axis += table.Dims.Length;
            if (axis >= 0 && axis < table.Dims.Length) Set(input, new(0, table.Dims[axis]));
        }

        // What is compared with each of many numbers is one of them: an encoding written out.
        void BoundByList(int input, GraphTensor? list)
        {
            if (list?.Integers is { Length: > 2 } numbers) Set(input, new(numbers.Min(), numbers.Max() + 1));
        }

        void Set(int input, IntegerRange range)
        {
            if (input >= node.Inputs.Length || scope.OriginOf(node.Inputs[input]) is not { } origin) return;
            var both = _ranges.TryGetValue(origin, out var known) ? known.And(range) : range;
            if (!both.IsEmpty) _ranges[origin] = both;
        }
    }
}
