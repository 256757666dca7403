using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <content>Spectra, and what is left.</content>
internal static partial class ShapeRules
{
    private static void AddSpecial(Dictionary<string, Action<NodeEstimate>> rules)
    {
        rules.Each("DFT", static node =>
        {
            if (node.In(0).Dims is not { } dims) return;
            var axis = NodeEstimate.Axis(
                node.In(2).Numbers is [var given] && !double.IsNaN(given)
                    ? Estimate.ToSize(given)
                    : node.Int("axis", node.Opset < 20 ? 1 : -2), dims.Length);
            if (axis is not { } at || dims.Length == 0) return;
            long[] result = [.. dims];
            if (node.In(1).Numbers is [var length] && !double.IsNaN(length)) result[at] = Math.Max(0, Estimate.ToSize(length));
            if (node.Int("onesided", 0) != 0) result[at] = result[at] < 0 ? Estimate.Free : (result[at] / 2) + 1;
            result[^1] = 2;
            node.Out(result);
        });
        rules.Each("STFT", static node =>
        {
            if (node.In(0).Dims is not [var rows, var length, ..] || length < 0) return;
            var frame = node.In(3).Numbers is [var given] ? given : node.In(2).ExactCount ?? double.NaN;
            if (node.In(1).Numbers is not [var step] || !(step >= 1) || !(frame >= 1)) return;
            var bins = node.Int("onesided", 1) != 0 ? Math.Floor(frame / 2) + 1 : frame;
            node.Out([rows, Math.Max(0, Estimate.ToSize(Math.Floor((length - frame) / step) + 1)), Estimate.ToSize(bins), 2]);
        });
        rules.Each("LSTM GRU RNN", static node =>
        {
            if (node.In(0).Dims is not [var steps, var rows, _]) return;
            var directions = node.Node.Text("direction", "forward") == "bidirectional" ? 2 : 1;
            var hidden = node.Int("hidden_size", Estimate.Free);
            node.Out(0, Estimate.Of(node.In(0).Type, [steps, directions, rows, hidden]));
            for (var i = 1; i < 3; i++)
                node.Out(i, Estimate.Of(node.In(0).Type, [directions, rows, hidden]));
        });
        // Of a sequence the elements of all its tensors are counted.
        rules.Each("SequenceEmpty", static node => node.Out(0, Estimate.Of(TypeOf(node, "dtype", OnnxElementType.Float), [0])));
        rules.Each("SequenceConstruct SequenceInsert", static node =>
        {
            var tensors = Enumerable.Range(0, node.Node.OpType == "SequenceInsert" ? Math.Min(2, node.InputCount) : node.InputCount)
                .Select(node.In).ToList();
            if (tensors.Count > 0 && tensors.TrueForAll(static tensor => tensor.Dims is not null))
                node.Out(0, Estimate.Of(tensors[^1].Type, [Estimate.ToSize(tensors.Sum(static tensor => tensor.Count))]));
        });
        rules.Each(
            "NonZero", static node => node.Out(0, Estimate.Of(OnnxElementType.Int64, [node.In(0).Rank ?? Estimate.Free, Estimate.Free])));
        rules.Each("LabelEncoder", static node => node.Out(0, Estimate.Of(OnnxElementType.Undefined, node.In(0).Dims)));
    }
}
