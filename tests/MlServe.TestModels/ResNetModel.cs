namespace MlServe.TestModels;

/// <summary>
/// A residual network with bottleneck blocks, <c>x: float[batch, 3, size, size] → y: float[batch, classes]</c>, with batch normalization
/// folded away. With the default sizes it has the shape of ResNet-50 (He et al., 2015): 53 convolutions and 25.6 million weights, all of
/// them random.
/// </summary>
public sealed class ResNetModel
{
    private readonly OnnxModel _model = new();
    private readonly RandomWeights _weights;
    private int _count;

    private ResNetModel(int seed) => _weights = new(seed);

    public static byte[] Create(int seed, int size = 224, int width = 64, int classes = 1000, params int[] blocks)
    {
        if (blocks.Length == 0) blocks = [3, 4, 6, 3];
        var network = new ResNetModel(seed);
        network._model.Input("x", OnnxModel.Float, "batch", 3, size, size).Output("y", OnnxModel.Float, "batch", classes);
        var current = network.Relu(network.Conv("x", 3, width, 7, 2, 1));
        network._model.Node(
            "MaxPool", [current], ["p"], ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }),
            ("pads", new long[] { 1, 1, 1, 1 }));
        current = "p";
        var channels = width;
        for (var stage = 0; stage < blocks.Length; stage++)
        {
            for (var block = 0; block < blocks[stage]; block++)
            {
                var inner = width << stage;
                current = network.Bottleneck(current, channels, inner, stage > 0 && block == 0 ? 2 : 1);
                channels = inner * 4;
            }
        }

        network._model.Node("GlobalAveragePool", [current], ["g"]).Node("Flatten", ["g"], ["f"])
            .Initializer("fw", network._weights.ForInputs(channels * classes, channels), channels, classes)
            .Initializer("fb", network._weights.Uniform(classes, 0.1f), classes)
            .Node("Gemm", ["f", "fw", "fb"], ["y"]);
        return network._model.ToBytes();
    }

    private string Bottleneck(string input, int channels, int inner, int stride)
    {
        var branch = Relu(Conv(input, channels, inner, 1, 1, 1));
        branch = Relu(Conv(branch, inner, inner, 3, stride, 1));
        branch = Conv(branch, inner, inner * 4, 1, 1, 0.3f);
        var shortcut = channels == inner * 4 && stride == 1 ? input : Conv(input, channels, inner * 4, 1, stride, 0.7f);
        var sum = $"v{_count++}";
        _model.Node("Add", [branch, shortcut], [sum]);
        return Relu(sum);
    }

    private string Conv(string input, int channels, int outputs, int kernel, int stride, float gain)
    {
        var name = $"v{_count++}";
        var weights = _weights.ForInputs(outputs * channels * kernel * kernel, channels * kernel * kernel);
        for (var i = 0; i < weights.Length; i++)
            weights[i] *= gain;
        _model.Initializer($"{name}w", weights, outputs, channels, kernel, kernel)
            .Initializer($"{name}b", _weights.Uniform(outputs, 0.1f), outputs)
            .Node("Conv", [input, $"{name}w", $"{name}b"], [name],
                ("kernel_shape", new long[] { kernel, kernel }), ("strides", new long[] { stride, stride }),
                ("pads", new long[] { kernel / 2, kernel / 2, kernel / 2, kernel / 2 }));
        return name;
    }

    private string Relu(string input)
    {
        var name = $"v{_count++}";
        _model.Node("Relu", [input], [name]);
        return name;
    }
}
