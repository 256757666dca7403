using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public class AffineFolderTests
{
    private static readonly PreprocessingOptions OnlyFold = new() { FoldConstants = false };

    [Theory]
    [InlineData("Conv x w|Mul two c|Add m three", 0, "Conv")]
    [InlineData("Conv x w|Div c two|Sub m three", 1, "Conv")]
    [InlineData("Conv x w|Mul c each|Add each m", 1, "Conv")]
    [InlineData("Mul x two|Add c three|Conv m w", 0, "Conv")]
    [InlineData("Mul each x|Sub c each|Conv m w", 0, "Conv")]
    [InlineData("Mul x two|Add c three|Conv m w", 1, "Add Conv")]
    [InlineData("Mul x each|Add c two|Conv m w", 1, "Add Conv")]
    [InlineData("Add x two|Mul c three|Conv m w", 1, "Add Conv")]
    public void Run_ConstantsBesideAConvolution_AreTakenIntoItAndTheAnswersStay(string chain, int pad, string left)
    {
        var graph = Chain(chain, pad);
        var result = Preprocessor.Run(graph.Model, OnlyFold);
        Assert.Equal(left, string.Join(' ', result.Model.Graph.Node.Select(static node => node.OpType)));
        Assert.Single(result.Steps, static step => step.Contains("convolutions", StringComparison.Ordinal));
        using var before = GraphSession.Open(OnnxFile.ToBytes(graph.Model));
        using var after = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var inputs = ModelRuns.RandomInputs(before, 5);
        Assert.True(ModelRuns.Snr(ModelRuns.Run(before, inputs)[0], ModelRuns.Run(after, inputs)[0]) > 110);
    }

    [Theory]
    [InlineData("Conv x w|Mul two c|Add m three", "c")]
    [InlineData("Div two x|Relu c|Conv m w", "")]
    [InlineData("Conv x w|Mul c x|Relu m", "")]
    [InlineData("Mul x zero|Add c three|Conv m w", "m")]
    public void Run_OtherReadersOrNoConstant_IsLeftAlone(string chain, string alsoOutput)
    {
        var graph = Chain(chain, 1);
        if (alsoOutput.Length > 0) graph.Output(alsoOutput);
        Assert.Equal(graph.Model.Graph.Node, Preprocessor.Run(graph.Model, OnlyFold).Model.Graph.Node);
    }

    [Fact]
    public void Run_SwitchedOff_LeavesTheNodes() =>
        Assert.Equal(
            3,
            Preprocessor.Run(
                Chain("Conv x w|Mul two c|Add m three", 1).Model, OnlyFold with { FoldAffine = false }).Model.Graph.Node.Count);

    private static TestGraph Chain(string chain, int pad)
    {
        var random = new Random(3);
        var graph = new TestGraph().Input("x", 1, 4, 8, 8).Output("y");
        foreach (var (name, value) in new[] { ("zero", 0f), ("two", 2), ("three", 3) })
        {
            if (chain.Split(' ', '|').Contains(name)) graph.Scalar(name, value);
        }

        if (chain.Contains("each", StringComparison.Ordinal)) graph.Weight(TensorData.Make("each", [0.5f, 2f, -1f, 3f], 4, 1, 1));
        graph.Weight(TensorData.Make("w", [.. Enumerable.Range(0, 4 * 2 * 9).Select(_ => random.NextSingle() - 0.5f)], 4, 2, 3, 3));
        var nodes = chain.Split('|');
        for (var i = 0; i < nodes.Length; i++)
        {
            var words = nodes[i].Split(' ');
            var output = i == 0 ? "c" : i == nodes.Length - 1 ? "y" : "m";
            if (words[0] == "Conv")
                graph.Node("Conv", string.Join(' ', words[1..]), output, Nodes.Int("group", 2), Nodes.Ints("pads", pad, pad, pad, pad));
            else graph.Node(words[0], string.Join(' ', words[1..]), output);
        }

        return graph;
    }
}
