using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Rewriting.Static;

public class ChannelLayoutTests
{
    [Theory]
    [InlineData("MaxPool", true)] // one scale would be moved before the pooling
    [InlineData("Relu", true)]
    [InlineData("Identity", false)] // the runtime moves roundings past it
    public void ChannelsToCalibrate_BehindWhatStaysFloat_HasAScaleForEachChannel(string between, bool expected)
    {
        var kernel = between == "MaxPool" ? new[] { Nodes.Ints("kernel_shape", 2, 2), Nodes.Ints("strides", 2, 2) } : [];
        var graph = new TestGraph().Input("x", 1, 4, 8, 8).Output("y")
            .Weight(TensorData.Make("w", Trial.Values(1, 8 * 4), 8, 4, 1, 1))
            .Weight(TensorData.Make("v", Trial.Values(2, 8 * 8), 8, 8, 1, 1))
            .Node("Conv", "x w", "c").Node("Relu", "c", "r").Node(between, "r", "p", kernel).Node("Conv", "p v", "y");
        var plan = Trial.Plan() with { MinMultiplications = 0, ExcludedNodes = ["n_c"] };

        Assert.Equal(expected, StaticRewriter.ChannelsToCalibrate(graph.Model, plan).Contains("p"));
        using var session = GraphSession.Open(OnnxFile.ToBytes(graph.Model));
        Assert.NotNull(session);
    }
}
