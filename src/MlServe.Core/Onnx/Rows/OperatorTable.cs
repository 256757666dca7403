using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Rows;

/// <summary>The rules of all operators that are understood, by domain and name.</summary>
internal sealed class OperatorTable
{
    public const string Microsoft = "com.microsoft", Ml = "ai.onnx.ml";

    private readonly Dictionary<(string Domain, string OpType), RowOperator> _rules = [];

    private OperatorTable()
    {
        ElementwiseOperators.AddTo(this);
        ShapeOperators.AddTo(this);
        LayoutOperators.AddTo(this);
        SliceOperators.AddTo(this);
        IndexOperators.AddTo(this);
        ReductionOperators.AddTo(this);
        MatrixOperators.AddTo(this);
        ConvolutionOperators.AddTo(this);
        ImageOperators.AddTo(this);
        NormalizationOperators.AddTo(this);
        RecurrentOperators.AddTo(this);
        AttentionOperators.AddTo(this);
        QuantizationOperators.AddTo(this);
        TabularOperators.AddTo(this);
        SequenceOperators.AddTo(this);
        RandomOperators.AddTo(this);
        ControlFlowOperators.AddTo(this);
    }

    public static OperatorTable Instance { get; } = new();

    public RowOperator? Find(string domain, string opType) => _rules.GetValueOrDefault((domain, opType));

    /// <summary>Whether operators of a domain that have no rule give the same for the same inputs.</summary>
    public static bool IsKnown(string domain) => domain is InspectionState.OnnxDomain or Microsoft or Ml;

    public OperatorTable Add(string opType, RowOperator rule, string domain = InspectionState.OnnxDomain)
    {
        _rules.Add((domain, opType), rule);
        return this;
    }

    /// <summary>A rule for operators of one output.</summary>
    public OperatorTable Add(
        string opType, Func<NodeFlow, FlowValue> follow, int required = 1, string domain = InspectionState.OnnxDomain) =>
        Add(opType, new RowOperator(node => [follow(node)], required), domain);

    public OperatorTable Add(IEnumerable<string> opTypes, RowOperator rule, string domain = InspectionState.OnnxDomain)
    {
        foreach (var opType in opTypes)
            Add(opType, rule, domain);
        return this;
    }

    public OperatorTable Add(
        IEnumerable<string> opTypes, Func<NodeFlow, FlowValue> follow, int required = 1, string domain = InspectionState.OnnxDomain) =>
        Add(opTypes, new RowOperator(node => [follow(node)], required), domain);
}
