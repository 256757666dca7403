namespace MlServe.Onnx.Rows;

/// <summary>
/// The sizes that convolutions and pools make of height, width and the like. A size that is not exactly known is a symbol.
/// </summary>
internal static class SpatialSizes
{
    /// <param name="flow">The node.</param>
    /// <param name="spatial">The spatial dimensions of the input.</param>
    /// <param name="kernel">The kernel's; null if they are not known.</param>
    public static Size[] OfWindow(NodeFlow flow, ReadOnlySpan<Size> spatial, long[]? kernel)
    {
        var rank = spatial.Length;
        var (strides, dilations, pads) = (flow.Node.Ints("strides"), flow.Node.Ints("dilations"), flow.Node.Ints("pads"));
        var mode = flow.Node.Text("auto_pad", "NOTSET");
        var sizes = new Size[rank];
        for (var i = 0; i < rank; i++)
        {
            var stride = i < strides?.Length ? strides[i] : 1;
            if (stride <= 0 || kernel is null || i >= kernel.Length)
            {
                sizes[i] = flow.Symbols.Count();
                continue;
            }

            var window = ((kernel[i] - 1) * (i < dilations?.Length ? dilations[i] : 1)) + 1;
            var pad = mode == "NOTSET" && pads?.Length == 2 * rank ? pads[i] + pads[i + rank] : 0;
            var rounds = flow.Node.Int("ceil_mode", 0) != 0;
            var formula = $"window {window} {stride} {pad} {mode} {rounds}";
            sizes[i] = flow.Symbols.Resized(spatial[i], formula, size =>
            {
                if (mode is "SAME_UPPER" or "SAME_LOWER") return (size + stride - 1) / stride;
                var reach = size + pad - window;

                // How far a window may reach over the edge changed between versions; where it fits exactly, they agree.
                return reach < 0 || (rounds && reach % stride != 0) ? -1 : (reach / stride) + 1;
            });
        }

        return sizes;
    }

    public static Size[] OfTransposed(NodeFlow flow, ReadOnlySpan<Size> spatial, long[]? kernel)
    {
        var rank = spatial.Length;
        var (strides, dilations, pads, extra) =
            (flow.Node.Ints("strides"), flow.Node.Ints("dilations"), flow.Node.Ints("pads"), flow.Node.Ints("output_padding"));
        var isPlain = flow.Node.Text("auto_pad", "NOTSET") == "NOTSET" && flow.Node.Find("output_shape") is null && kernel is not null;
        var sizes = new Size[rank];
        for (var i = 0; i < rank; i++)
        {
            if (!isPlain || i >= kernel!.Length)
            {
                sizes[i] = flow.Symbols.Count();
                continue;
            }

            var stride = i < strides?.Length ? strides[i] : 1;
            var window = ((kernel[i] - 1) * (i < dilations?.Length ? dilations[i] : 1)) + 1;
            var pad = (pads?.Length == 2 * rank ? pads[i] + pads[i + rank] : 0) - (i < extra?.Length ? extra[i] : 0);
            sizes[i] = flow.Symbols.Resized(
                spatial[i], $"transposed {window} {stride} {pad}", size => ((size - 1) * stride) + window - pad);
        }

        return sizes;
    }

    /// <summary>The kernel by its attribute, or by the weights.</summary>
    public static long[]? Kernel(NodeFlow flow, FlowValue? weights)
    {
        if (flow.Node.Ints("kernel_shape") is { } given) return given;
        if (weights?.Dims is not { Length: > 2 } dims || dims[2..].Any(static dim => !dim.IsKnown)) return null;
        return [.. dims[2..].Select(static dim => dim.Factor)];
    }
}
