namespace MlServe.Onnx.Rows;

/// <summary>Trees, linear models and operators that prepare tables and texts for them: a row of a table is a row.</summary>
internal static class TabularOperators
{
    private const string Ml = OperatorTable.Ml;

    public static void AddTo(OperatorTable table) => table
        .Add(["TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier"], new RowOperator(Classify), Ml)
        .Add(["TreeEnsembleRegressor", "TreeEnsemble"], static flow => OfTable(flow, flow.Node.Int("n_targets", 0)), domain: Ml)
        .Add("LinearRegressor", static flow => OfTable(flow, flow.Node.Int("targets", 1)), domain: Ml)
        .Add("SVMRegressor", static flow => OfTable(flow, 1), domain: Ml)
        .Add(["Scaler", "Imputer", "Normalizer"], static flow => Prepare(flow), domain: Ml)
        .Add(["Binarizer", "LabelEncoder", "CategoryMapper"], static flow => flow[0].Derive(), domain: Ml)
        .Add("OneHotEncoder", static flow =>
            flow[0].Dims is { } dims ? flow[0].Derive([.. dims, flow.Symbols.Count()], flow[0].Axis) : FlowValue.Shared(null), domain: Ml)
        .Add("FeatureVectorizer", static flow => Join(flow), domain: Ml)
        .Add("ZipMap", static flow => Zip(flow), domain: Ml)
        .Add("TfIdfVectorizer", static flow => OfTable(flow, 0))
        .Add("StringNormalizer", static flow => NormalizeText(flow))
        .Add("StringSplit", new RowOperator(SplitText))
        .Add("Tokenizer", static flow => flow[0].IsRows ? Filled(flow) : FlowValue.Shared(null), domain: OperatorTable.Microsoft)
        .Add("CDist", static flow => Distances(flow), required: 2, OperatorTable.Microsoft)
        .Add("MurmurHash3", static flow => flow[0].Derive(), domain: OperatorTable.Microsoft);

    /// <summary>Why the input is no table whose rows are the batch's; null if it is.</summary>
    private static FlowValue? Check(NodeFlow flow) => flow[0] switch
    {
        { IsRows: false } => FlowValue.Shared(null),
        { Rank: not 2 } => flow.Unclear("takes a value that is no table"),
        { Axis: 1 } => flow.Breaks("takes the rows for columns"),
        _ => null,
    };

    private static FlowValue OfTable(NodeFlow flow, long width) =>
        Check(flow) ?? flow[0].Derive([flow[0].Dims![0], width > 0 ? Size.Of(width) : flow.Symbols.Count()], 0);

    private static FlowValue[] Classify(NodeFlow flow)
    {
        if (Check(flow) is { } other) return [other, other];
        return [flow[0].Derive([flow[0].Dims![0]], 0), flow[0].Derive([flow[0].Dims![0], flow.Symbols.Count()], 0)];
    }

    private static FlowValue Prepare(NodeFlow flow) => !flow[0].IsRows ? FlowValue.Shared(flow[0].Dims) : Check(flow) ?? flow[0].Derive();

    private static FlowValue Join(NodeFlow flow)
    {
        FlowValue[] parts = [.. flow.Given];
        if (!Array.Exists(parts, static part => part.IsRows)) return FlowValue.Shared(null);
        var width = Size.Zero;
        foreach (var part in parts)
        {
            if (!part.IsRows) return flow.MeetsFixedRows();
            if (part.Rank != 2 || part.Axis != 0) return flow.Unclear("takes a value that is no table");
            if (part.Outer != parts[0].Outer) return flow.MeetsOtherOrder();
            width = flow.Symbols.Sum(width, part.Dims[1]);
        }

        return parts[0].Derive([parts[0].Dims![0], width], 0);
    }

    private static FlowValue Zip(NodeFlow flow) =>
        Check(flow) is { } other
            ? other
            : flow[0].Outer.Is(1) ? FlowValue.RowSequence() : flow.Unclear("makes maps of rows in another order");

    private static FlowValue NormalizeText(NodeFlow flow)
    {
        if (!flow[0].IsRows) return FlowValue.Shared(null);
        if (flow.Node.Find("stopwords") is { Count: > 0 }) return flow.Breaks("leaves out rows by their data");
        return flow[0].Rank == 1 ? flow[0].Derive() : flow.Unclear("takes a value that is no list");
    }

    private static FlowValue[] SplitText(NodeFlow flow) => flow[0].IsRows
        ? [Filled(flow), flow[0].Derive()]
        : [FlowValue.Shared(null), FlowValue.Shared(flow[0].Dims)];

    /// <summary>The part that is filled up may be passed over later; the length of the longest text may not be data.</summary>
    private static FlowValue Filled(NodeFlow flow) =>
        FlowValue.Broken(
            flow.Unclear("fills all texts up to the longest of the batch").Cause!,
            flow.Breaks("fills all texts up to the longest of the batch").Cause);

    private static FlowValue Distances(NodeFlow flow)
    {
        var (left, right) = (flow[0], flow[1]);
        if (!left.IsRows && !right.IsRows) return FlowValue.Shared(null);
        if (left.IsRows && right.IsRows) return flow.Breaks("compares the rows with each other");
        var rows = left.IsRows ? left : right;
        if (rows.Rank != 2 || rows.Axis != 0) return flow.Breaks("sums over the axis of the rows");
        var other = (left.IsRows ? right : left).Dims is [var count, _] ? count : flow.Symbols.Count();
        return left.IsRows ? rows.Derive([rows.Dims![0], other], 0) : rows.Derive([other, rows.Dims![0]], 1);
    }
}
