namespace MlServe.TestModels;

/// <summary>Parts of models whose rows are images: [B, channels, H, W] to as many channels, each row by itself.</summary>
internal static class ImageBlocks
{
    private static readonly Func<Sketch, string, int, string>[] Blocks =
        [Convolve, Convolve, Depthwise, Squeeze, Join, Normalize, GroupNormalize, Resize, Mean, Shuffle, Unpool];

    public static string Random(Sketch sketch, string value, int channels) => sketch.Pick(Blocks)(sketch, value, channels);

    public static string Convolve(Sketch s, string x, int channels) => Convolve(s, x, channels, channels, 1);

    /// <summary>To as many channels; with a stride of 2 to half of the height and width.</summary>
    public static string Convolve(Sketch s, string x, int inputs, int outputs, long stride)
    {
        var conv = s.Node("Conv", [x, s.Weights(MathF.Sqrt(1f / (3 * inputs)), outputs, inputs, 3, 3), s.Weights(0.1f, outputs)],
            ("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }), ("strides", new[] { stride, stride }));
        if (s.Chance(0.4))
            conv = s.Node(
                "BatchNormalization",
                [conv, s.Weights(1, outputs), s.Weights(0.1f, outputs), s.Weights(0.1f, outputs), s.Node("Abs", [s.Weights(2, outputs)])]);
        return s.Activate(conv);
    }

    /// <summary>[B, channels, size, size] to [B, width].</summary>
    public static string Flatten(Sketch s, string x, int channels, int size, int width)
    {
        switch (s.Random.Next(4))
        {
            case 0: return VectorBlocks.Linear(s, s.Node("Flatten", [s.Node("GlobalAveragePool", [x])]), channels, width);
            case 1: return VectorBlocks.Linear(s, s.Reshape(x, -1, channels * size * size), channels * size * size, width);
            case 2: return VectorBlocks.Linear(s, s.ReshapeLike(x, x, 0, -2, -1), channels * size * size, width);
            default: return VectorBlocks.Linear(s, s.Reduce("ReduceMean", x, keeps: false, 2, 3), channels, width);
        }
    }

    private static string Depthwise(Sketch s, string x, int channels) => s.Activate(s.Node("Conv", [x, s.Weights(0.4f, channels, 1, 3, 3)],
        ("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }), ("group", channels)));

    private static string Squeeze(Sketch s, string x, int channels)
    {
        var weights = s.Node(
            "Conv", [s.Node("GlobalAveragePool", [x]), s.Weights(0.5f, channels, channels, 1, 1)], ("kernel_shape", new long[] { 1, 1 }));
        return s.Node("Mul", [x, s.Node("Sigmoid", [weights])]);
    }

    private static string Join(Sketch s, string x, int channels) =>
        Convolve(s, s.Node("Concat", [x, Depthwise(s, x, channels)], ("axis", 1L)), 2 * channels, channels, 1);

    private static string Normalize(Sketch s, string x, int channels) =>
        s.Node("InstanceNormalization", [x, s.Weights(1, channels), s.Weights(0.1f, channels)]);

    private static string GroupNormalize(Sketch s, string x, int channels)
    {
        var groups = s.Reshape(x, 0, 2, -1);
        var normal = s.Node("InstanceNormalization", [groups, s.Constant([1f, 1f], 2), s.Constant([0f, 0f], 2)]);
        return s.Node("Mul", [s.Node("Reshape", [normal, s.Node("Shape", [x])]), s.Weights(1, channels, 1, 1)]);
    }

    private static string Resize(Sketch s, string x, int channels)
    {
        var large = s.Node(
            "Resize", [x, s.Opset >= 13 ? "" : s.Constant(Array.Empty<float>(), 0), s.Constant([1f, 1, 2, 2], 4)], ("mode", "nearest"));
        return s.Node("MaxPool", [large], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));
    }

    private static string Unpool(Sketch s, string x, int channels)
    {
        var half = (Name: "kernel_shape", Value: (object)new long[] { 2, 2 });
        var pooled = s.Nodes("MaxPool", [x], 2, half, ("strides", new long[] { 2, 2 }));
        return s.Node("MaxUnpool", [s.Activate(pooled[0]), pooled[1]], half, ("strides", new long[] { 2, 2 }));
    }

    private static string Mean(Sketch s, string x, int channels) => s.Node("Sub", [x, s.Reduce("ReduceMean", x, keeps: true, 2, 3)]);

    private static string Shuffle(Sketch s, string x, int channels)
    {
        var apart = s.ReshapeLike(s.Node("SpaceToDepth", [x], ("blocksize", 2)), x, 0, -2, 4 * channels, -1);
        var turned = s.Node("Reshape", [s.Activate(apart), s.Node("Shape", [s.Node("SpaceToDepth", [x], ("blocksize", 2))])]);
        return s.Node("DepthToSpace", [turned], ("blocksize", 2), ("mode", s.Pick("DCR", "CRD")));
    }
}
