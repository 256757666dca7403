using System.Runtime.InteropServices;

namespace MlServe.Onnx.Inspection;

internal sealed class TensorTotals
{
    private readonly Dictionary<OnnxElementType, (long Count, long Bytes)> _byType = [];

    /// <returns>True when it is the first tensor of its type.</returns>
    public bool Add(OnnxElementType type, long bytes)
    {
        ref var total = ref CollectionsMarshal.GetValueRefOrAddDefault(_byType, type, out var known);
        total = (total.Count + 1, total.Bytes + bytes);
        return !known;
    }

    public IReadOnlyList<OnnxTensorTotal> ToList() =>
        [.. _byType
            .Select(static pair => new OnnxTensorTotal(pair.Key, pair.Value.Count, pair.Value.Bytes))
            .OrderBy(static total => total.ElementType)];
}
