using MlServe.Samples.Training.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MlServe.Samples.Training.Networks;

/// <summary>Two convolutions with batch normalisation and two dense layers: 105,866 parameters once the normalisation is folded.</summary>
internal sealed class DigitsNetwork : DigitNetwork
{
    private readonly Conv2d _conv1 = Conv2d(1, 16, 3, padding: 1, bias: false);
    private readonly BatchNorm2d _norm1 = BatchNorm2d(16);
    private readonly Conv2d _conv2 = Conv2d(16, 32, 3, padding: 1, bias: false);
    private readonly BatchNorm2d _norm2 = BatchNorm2d(32);
    private readonly Linear _dense1 = Linear(32 * 7 * 7, 64);
    private readonly Linear _dense2 = Linear(64, 10);
    private readonly Dropout _dropout = Dropout(0.25);

    public DigitsNetwork()
        : base("digits") => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        var x = functional.max_pool2d(functional.relu(_norm1.forward(_conv1.forward(input))), 2);
        x = functional.max_pool2d(functional.relu(_norm2.forward(_conv2.forward(x))), 2);
        x = functional.relu(_dense1.forward(_dropout.forward(x.flatten(1))));
        return _dense2.forward(_dropout.forward(x));
    }

    public override void Export(OnnxGraph graph)
    {
        var x = Convolution(graph, "conv1", OnnxGraph.Image, _conv1, _norm1);
        x = Convolution(graph, "conv2", x, _conv2, _norm2);
        x = graph.Node("Flatten", "flat", [x], OnnxGraph.Int("axis", 1));
        x = graph.Node("Relu", "hidden", [Dense.Export(graph, "dense1", x, _dense1, "dense1")]);
        Dense.Export(graph, "dense2", x, _dense2, OnnxGraph.Logits);
    }

    // In inference a batch normalisation is one factor and one summand a channel: the convolution before it can carry both.
    private static string Convolution(OnnxGraph graph, string name, string input, Conv2d conv, BatchNorm2d norm)
    {
        using var scope = NewDisposeScope();
        var factor = norm.weight! / (norm.running_var! + norm.eps).sqrt();
        var weight = graph.Constant($"{name}.weight", conv.weight * factor.reshape(-1, 1, 1, 1));
        var bias = graph.Constant($"{name}.bias", norm.bias! - (norm.running_mean! * factor));

        var x = graph.Node("Conv", name, [input, weight, bias], OnnxGraph.Ints("kernel_shape", 3, 3), OnnxGraph.Ints("pads", 1, 1, 1, 1));
        x = graph.Node("Relu", $"{name}.relu", [x]);
        return graph.Node("MaxPool", $"{name}.pool", [x], OnnxGraph.Ints("kernel_shape", 2, 2), OnnxGraph.Ints("strides", 2, 2));
    }
}
