using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Shapes;

/// <summary>How a convolution or a pooling moves along one axis.</summary>
internal readonly record struct Window(long Kernel, long Stride, long Padding, long Dilation, string AutoPad, bool RoundsUp)
{
    /// <summary>Whether the output is as long as the input, however long that is.</summary>
    public bool KeepsLength => Stride == 1 && (IsSame || PaddingOrNone == Dilation * (Kernel - 1));

    private bool IsSame => AutoPad is "SAME_UPPER" or "SAME_LOWER";

    private long PaddingOrNone => AutoPad == "VALID" ? 0 : Padding;

    /// <summary>The windows along the axes behind the second; null if the attributes are not those of the standard.</summary>
    public static Window[]? Of(NodeProto node, long[]? kernel)
    {
        kernel ??= Nodes.Ints(node, "kernel_shape");
        if (kernel is null) return null;
        var axes = kernel.Length;
        var (strides, dilations, pads) =
            (Nodes.Ints(node, "strides") ?? [], Nodes.Ints(node, "dilations") ?? [], Nodes.Ints(node, "pads") ?? []);
        if ((strides.Length > 0 && strides.Length != axes) || (dilations.Length > 0 && dilations.Length != axes)
            || (pads.Length > 0 && pads.Length != 2 * axes))
            return null;
        var (autoPad, roundsUp) = (Nodes.Text(node, "auto_pad", "NOTSET"), Nodes.Int(node, "ceil_mode", 0) != 0);
        return [.. kernel.Select((size, axis) => new Window(
            size, strides.Length > 0 ? strides[axis] : 1, pads.Length > 0 ? pads[axis] + pads[axis + axes] : 0,
            dilations.Length > 0 ? dilations[axis] : 1, autoPad, roundsUp))];
    }
}
