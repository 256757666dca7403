using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <content>Operators that move elements, join values, and take parts of them.</content>
internal static partial class ShapeRules
{
    private static void AddMovement(Dictionary<string, Action<NodeEstimate>> rules)
    {
        rules.Each("Reshape", static node => node.Out(Reshaped(node)));
        rules.Each("Flatten", static node => node.Out(Flattened(node)));
        rules.Each("Transpose", static node => node.Out(Transposed(node)));
        rules.Each("Unsqueeze", static node => node.Out(Unsqueezed(node)));
        rules.Each("Squeeze", static node => node.Out(Squeezed(node)));
        rules.Each("Concat", static node => node.Out(Concatenated(node)));
        rules.Each("Tile", static node => node.Out(Tiled(node)));
        rules.Each("Pad", static node => node.Out(Padded(node)));
        rules.Each("Gather", static node => node.Out(Gathered(node)));
        rules.Each("GatherElements", static node => node.Out(node.In(1).Dims));
        rules.Each("GatherND", static node => node.Out(GatheredN(node)));
        rules.Each("Slice", static node => node.Out(node.In(0).Dims is { } dims ? Sliced(node, dims) : null));
        rules.Each("Split", static node =>
        {
            // The parts together are the whole; how it is parted does not matter here.
            if (node.In(0).Dims is not { } dims || NodeEstimate.Axis(node.Int("axis", 0), dims.Length) is not { } axis) return;
            long[] part = [.. dims];
            part[axis] = Estimate.Free;
            for (var i = 0; i < node.Outputs.Length; i++)
                node.Out(i, Estimate.Of(node.In(0).Type, part));
        });
        rules.Each("TopK", static node =>
        {
            if (node.In(0).Dims is not { } dims || NodeEstimate.Axis(node.Int("axis", -1), dims.Length) is not { } axis) return;
            long[] top = [.. dims];
            top[axis] = node.In(1).Numbers is [var k] && k >= 0 ? Estimate.ToSize(k) : node.Int("k", Estimate.Free);
            node.Out(0, Estimate.Of(node.In(0).Type, top));
            node.Out(1, Estimate.Of(OnnxElementType.Int64, top));
        });
        rules.Each("DepthToSpace SpaceToDepth", static node => node.Out(node.In(0).ExactCount is { } count ? [count] : null));
        rules.Each("CenterCropPad", static node =>
        {
            if (node.In(0).Dims is not { } dims || node.In(1).AsDims() is not { } sizes) return;
            var axes = node.Ints("axes") ?? [.. Enumerable.Range(0, dims.Length).Select(static axis => (long)axis)];
            long[] cropped = [.. dims];
            for (var i = 0; i < Math.Min(axes.Length, sizes.Length); i++)
            {
                if (NodeEstimate.Axis(axes[i], dims.Length) is { } axis) cropped[axis] = sizes[i];
            }

            node.Out(cropped);
        });
    }

    private static long[]? Reshaped(NodeEstimate node)
    {
        if ((node.Ints("shape") ?? node.In(1).AsDims()) is not { } wanted) return null;
        var input = node.In(0);
        long[] dims = [.. wanted];
        var rest = -1;
        for (var i = 0; i < dims.Length; i++)
        {
            if (dims[i] == 0 && node.Int("allowzero", 0) == 0)
                dims[i] = input.Dims is { } given && i < given.Length ? given[i] : Estimate.Free;
            else if (dims[i] == -1 && node.In(1).Numbers?[i] is not double.NaN) rest = i;
        }

        if (rest >= 0)
        {
            dims[rest] = Estimate.Free;
            var others = dims.Where((_, i) => i != rest).ToArray();
            if (input.ExactCount is { } count && !others.Contains(Estimate.Free) && Estimate.CountOf(others) is > 0 and var product)
                dims[rest] = Estimate.ToSize(count / product);
        }

        return dims;
    }

    private static long[]? Flattened(NodeEstimate node)
    {
        var axis = node.Int("axis", 1);
        if (node.In(0).Dims is not { } dims || axis < -dims.Length || axis > dims.Length) return null;
        var at = (int)(axis < 0 ? axis + dims.Length : axis);
        return [Product(dims[..at]), Product(dims[at..])];
    }

    private static long Product(long[] dims) => dims.Contains(Estimate.Free) ? Estimate.Free : Estimate.ToSize(Estimate.CountOf(dims));

    private static long[]? Transposed(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims) return null;
        var order = node.Ints("perm") ?? [.. Enumerable.Range(0, dims.Length).Reverse().Select(static axis => (long)axis)];
        return order.Length == dims.Length && order.All(axis => axis >= 0 && axis < dims.Length)
            ? [.. order.Select(axis => dims[axis])]
            : null;
    }

    private static long[]? Unsqueezed(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims || node.Axes(1) is not { Length: <= 64 } axes) return null;
        var result = new List<long>(dims);
        var rank = dims.Length + axes.Length;
        foreach (var axis in axes.Select(axis => axis < 0 ? axis + rank : axis).Order())
        {
            if (axis < 0 || axis > result.Count) return null;
            result.Insert((int)axis, 1);
        }

        return [.. result];
    }

    private static long[]? Squeezed(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims) return null;
        if (node.Axes(1) is not { } axes)
            return node.Has(1) || dims.Contains(Estimate.Free) ? null : [.. dims.Where(static dim => dim != 1)];
        var gone = axes.Select(axis => axis < 0 ? axis + dims.Length : axis).ToHashSet();
        return [.. dims.Where((_, i) => !gone.Contains(i))];
    }

    private static long[]? Concatenated(NodeEstimate node)
    {
        long[]? result = null;
        var at = 0;
        for (var i = 0; i < node.InputCount; i++)
        {
            if (node.In(i).Dims is not { } dims) continue;
            if (result is null)
            {
                if (NodeEstimate.Axis(node.Int("axis", 1), dims.Length) is not { } axis) return null;
                at = axis;
                result = [.. dims];
                continue;
            }

            // Parts of which nothing is known only add.
            if (dims.Length != result.Length) return null;
            result[at] = result[at] == Estimate.Free || dims[at] == Estimate.Free
                ? node.Guess(Math.Max(result[at], dims[at]))
                : Plus(result[at], dims[at]);
        }

        return result;
    }

    private static long[]? Tiled(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims) return null;
        var repeats = node.In(1).Numbers;

        // The first version takes the number of tiles and the axis.
        if (node.Opset < 6)
        {
            if (repeats is not [var tiles] || node.In(2).Numbers is not [var along]
                || NodeEstimate.Axis(Estimate.ToSize(along), dims.Length) is not { } axis)
                return null;
            return [.. dims.Select((dim, i) => i == axis ? Times(dim, tiles) : dim)];
        }

        return repeats is not null && repeats.Length == dims.Length
            ? [.. dims.Zip(repeats, (dim, times) => dim == Estimate.Free && times > 1 ? node.Guess(times) : Times(dim, times))]
            : null;
    }

    private static long[]? Padded(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims) return null;
        var pads = node.Numbers(1, "pads") ?? node.Numbers(1, "paddings");
        var axes = node.In(3).Numbers is { } given
            ? Array.ConvertAll(given, Estimate.ToSize)
            : [.. Enumerable.Range(0, dims.Length).Select(static axis => (long)axis)];
        if (pads is null || pads.Length != 2 * axes.Length || (node.Has(3) && node.In(3).Numbers is null)) return null;
        long[] result = [.. dims];
        for (var i = 0; i < axes.Length; i++)
        {
            if (NodeEstimate.Axis(axes[i], dims.Length) is not { } axis) return null;
            var added = pads[i] + pads[i + axes.Length];
            result[axis] = dims[axis] == Estimate.Free ? node.Guess(added) : Plus(dims[axis], added);
        }

        return result;
    }

    private static long[]? Gathered(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims || node.In(1).Dims is not { } indices
            || NodeEstimate.Axis(node.Int("axis", 0), dims.Length) is not { } axis)
            return null;
        return [.. dims[..axis], .. indices, .. dims[(axis + 1)..]];
    }

    private static long[]? GatheredN(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims || node.In(1).Dims is not [.., var last] indices || last < 0) return null;
        var from = node.Int("batch_dims", 0) + last;
        return from >= 0 && from <= dims.Length ? [.. indices[..^1], .. dims[(int)from..]] : null;
    }

    private static long[]? Sliced(NodeEstimate node, long[] dims)
    {
        var starts = node.Numbers(1, "starts");
        var ends = node.Numbers(2, "ends");
        var axes = node.Numbers(3, "axes");
        var steps = node.In(4).Numbers;
        if (axes is null && !node.Has(3) && starts is not null)
            axes = [.. Enumerable.Range(0, starts.Length).Select(static axis => (double)axis)];
        long[] result = [.. dims];
        if (starts is null || ends is null || axes is null || starts.Length != ends.Length || axes.Length != starts.Length
            || (node.Has(4) && steps?.Length != starts.Length))
        {
            // Any part of it.
            Array.Fill(result, Estimate.Free);
            return result;
        }

        for (var i = 0; i < starts.Length; i++)
        {
            if (double.IsNaN(axes[i]) || NodeEstimate.Axis(Estimate.ToSize(axes[i]), dims.Length) is not { } axis) return null;
            result[axis] = PartOf(dims[axis], starts[i], ends[i], steps?[i] ?? 1);
        }

        return result;
    }

    private static long PartOf(long size, double start, double end, double step)
    {
        if (size == Estimate.Free || double.IsNaN(start + end + step) || step == 0) return Estimate.Free;
        start = Math.Clamp(start < 0 ? start + size : start, step < 0 ? -1 : 0, step < 0 ? size - 1 : size);
        end = Math.Clamp(end < 0 ? end + size : end, -1, size);
        return Math.Max(0, Estimate.ToSize(Math.Ceiling((end - start) / step)));
    }
}
