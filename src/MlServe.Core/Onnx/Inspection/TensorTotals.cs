namespace MlServe.Onnx.Inspection;

internal sealed class TensorTotals
{
    // A class each, and few of them: collections of structs are compiled when a process first loads a model, and that model waits for it.
    private readonly List<Total> _totals = [];

    /// <returns>True when it is the first tensor of its type.</returns>
    public bool Add(OnnxElementType type, long bytes)
    {
        var at = 0;
        while (at < _totals.Count && _totals[at].Type < type)
            at++;
        var isFirst = at == _totals.Count || _totals[at].Type != type;
        if (isFirst) _totals.Insert(at, new(type));
        _totals[at].Count++;
        _totals[at].Bytes += bytes;
        return isFirst;
    }

    /// <summary>In the order of the types.</summary>
    public IReadOnlyList<OnnxTensorTotal> ToList()
    {
        var list = new OnnxTensorTotal[_totals.Count];
        for (var i = 0; i < list.Length; i++)
            list[i] = new(_totals[i].Type, _totals[i].Count, _totals[i].Bytes);
        return list;
    }

    private sealed class Total(OnnxElementType type)
    {
        public OnnxElementType Type { get; } = type;

        public long Count { get; set; }

        public long Bytes { get; set; }
    }
}
