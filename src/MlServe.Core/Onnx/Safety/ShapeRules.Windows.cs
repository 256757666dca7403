using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <content>Operators with a window over axes of space: convolutions, pools, resizing.</content>
internal static partial class ShapeRules
{
    private static void AddWindows(Dictionary<string, Action<NodeEstimate>> rules)
    {
        rules.Each("Conv FusedConv NhwcFusedConv", static node => node.Out(Convolved(node, node.In(1).Dims)));
        rules.Each("ConvInteger", static node => node.Out(0, Estimate.Of(OnnxElementType.Int32, Convolved(node, node.In(1).Dims))));
        rules.Each("QLinearConv", static node => node.Out(Convolved(node, node.In(3).Dims)));
        rules.Each("ConvTranspose", static node => node.Out(Transposed(node, node.In(1).Dims)));
        rules.Each("AveragePool MaxPool LpPool", static node =>
        {
            if (node.In(0).Dims is not [_, var channels, ..] || node.Ints("kernel_shape") is not { } kernel) return;
            var pooled = Windowed(node, channels, kernel);
            node.Out(pooled);
            node.Out(1, Estimate.Of(OnnxElementType.Int64, pooled));
        });
        rules.Each(
            "GlobalAveragePool GlobalMaxPool GlobalLpPool",
            static node => node.Out(node.In(0).Dims is [var rows, var channels, .. var space]
                ? [rows, channels, .. space.Select(static _ => 1L)]
                : null));
        rules.Each("MaxUnpool", static node =>
        {
            if (node.In(2).AsDims() is { } dims) node.Out(dims);
            else if (node.In(0).Dims is [var rows, var channels, .. var space] && node.Ints("kernel_shape") is { } kernel
                && kernel.Length == space.Length)
                node.Out([rows, channels,
                    .. space.Select((dim, i) => dim < 0
                        ? Estimate.Free
                        : Plus(Times(dim - 1, At(node.Ints("strides"), i, 1)), kernel[i] - PadsOf(node, i, space.Length)))]);
        });
        rules.Each("MaxRoiPool", static node => node.Out(Cropped(node, 1, node.Ints("pooled_shape") ?? [Estimate.Free, Estimate.Free])));
        rules.Each("RoiAlign", static node => node.Out(Cropped(node, 1, [node.Int("output_height", 1), node.Int("output_width", 1)])));
        rules.Each("CropAndResize", static node => node.Out(Cropped(node, 1, node.In(3).AsDims() ?? [Estimate.Free, Estimate.Free])));
        rules.Each("GridSample", static node =>
        {
            if (node.In(0).Dims is [var rows, var channels, ..] && node.In(1).Dims is [_, .. var grid, _])
                node.Out([rows, channels, .. grid]);
        });
        rules.Each("Upsample Resize", static node => node.Out(Resized(node)));
        rules.Each("Col2Im", static node =>
        {
            if (node.In(0).Dims is [var rows, var columns, _] && node.In(1).AsDims() is { } image && node.In(2).AsDims() is { } block
                && Estimate.CountOf(block) is > 0 and var size)
                node.Out([rows, columns < 0 ? Estimate.Free : Estimate.ToSize(columns / size), .. image]);
        });
    }

    private static long[]? Convolved(NodeEstimate node, long[]? weights)
    {
        if (weights is not [var channels, _, .. var kernel]) return null;
        return Windowed(node, channels, node.Ints("kernel_shape") is { } given && given.Length == kernel.Length ? given : kernel);
    }

    /// <summary>The output of a window that is moved over the space.</summary>
    private static long[]? Windowed(NodeEstimate node, long channels, long[] kernel)
    {
        if (node.In(0).Dims is not [var rows, _, .. var space] || space.Length != kernel.Length) return null;
        var result = new long[space.Length];
        for (var i = 0; i < space.Length; i++)
        {
            var stride = Math.Max(1, At(node.Ints("strides"), i, 1));
            var reach = ((double)Math.Max(1, At(node.Ints("dilations"), i, 1)) * (kernel[i] - 1)) + 1;

            // A free axis has at least as much as fits the window once.
            var isSame = node.Node.Text("auto_pad", "NOTSET").StartsWith("SAME", StringComparison.Ordinal);
            var places = Math.Floor((Math.Max(1, space[i]) + PadsOf(node, i, space.Length) - reach) / stride) + 1;
            result[i] = space[i] < 0 && PadsOf(node, i, space.Length) <= 0 ? Estimate.Free
                : isSame ? Times(space[i], 1.0 / stride)
                : space[i] < 0 ? node.Guess(places) : Math.Max(0, Estimate.ToSize(places));
        }

        return [rows, channels, .. result];
    }

    private static long[]? Transposed(NodeEstimate node, long[]? weights)
    {
        if (weights is not [_, var perGroup, .. var kernel] || node.In(0).Dims is not [var rows, _, .. var space]
            || space.Length != kernel.Length)
            return null;
        var channels = Times(perGroup, Math.Max(1, node.Int("group", 1)));
        if (node.Ints("output_shape") is { } given && given.Length >= space.Length) return [rows, channels, .. given[^space.Length..]];
        return
        [
            rows, channels,
            .. space.Select((dim, i) =>
            {
                var reach = (double)At(node.Ints("output_padding"), i, 0)
                    + ((kernel[i] - 1) * (double)Math.Max(1, At(node.Ints("dilations"), i, 1))) + 1 - PadsOf(node, i, space.Length);
                return dim < 0 ? node.Guess(reach) : Plus(Times(Math.Max(1, dim) - 1, At(node.Ints("strides"), i, 1)), reach);
            }),
        ];
    }

    private static long[]? Cropped(NodeEstimate node, int rois, long[] size) =>
        node.In(0).Dims is [_, var channels, ..]
            ? [node.In(rois).Dims is [var count, ..] ? count : Estimate.Free, channels, .. size]
            : null;

    private static long[]? Resized(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims) return null;
        var isOld = node.Node.OpType == "Upsample" || node.Opset < 11;
        var axes = node.Ints("axes") ?? [.. Enumerable.Range(0, dims.Length).Select(static axis => (long)axis)];
        var sizes = isOld ? null : node.In(3).Numbers;
        var scales = isOld ? node.Numbers(1, "scales") : node.In(2).Numbers;
        if (sizes?.Length != axes.Length) sizes = null;
        if (scales?.Length != axes.Length) scales = null;
        if (sizes is null && scales is null) return null;
        long[] result = [.. dims];
        for (var i = 0; i < axes.Length; i++)
        {
            if (NodeEstimate.Axis(axes[i], dims.Length) is not { } axis) return null;
            result[axis] = sizes is not null ? double.IsNaN(sizes[i]) ? Estimate.Free : Math.Max(0, Estimate.ToSize(sizes[i]))
                : dims[axis] >= 0 ? Times(Math.Max(1, dims[axis]), scales![i])
                : scales![i] >= 2 ? node.Guess(Math.Floor(scales[i])) : Estimate.Free;
        }

        return result;
    }

    internal static double PadsOf(NodeEstimate node, int axis, int rank) =>
        node.Ints("pads") is { } pads && pads.Length == 2 * rank ? (double)pads[axis] + pads[axis + rank] : 0;

    internal static long At(long[]? values, int index, long otherwise) =>
        values is not null && index < values.Length ? values[index] : otherwise;
}
