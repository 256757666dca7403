using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public class HardSwishRewriterTests
{
    private static readonly PreprocessingOptions OnlyRewrite = new() { FoldConstants = false };

    [Theory]
    [InlineData("Add x three a|Clip a zero six c|Mul x c m|Div m six y")]
    [InlineData("Add three x a|Clip a zero six c|Mul c x m|Mul m sixth y")]
    [InlineData("Add x three a|Clip a zero six c|Div c six d|Mul x d y")]
    [InlineData("Add x three a|Clip a zero six c|Mul sixth c d|Mul d x y")]
    [InlineData("Add x three a|Clip a zero six c|Div x six d|Mul d c y")]
    [InlineData("Add x three a|Clip a zero six c|Mul x sixth d|Mul c d y")]
    [InlineData("Add x three a|Relu a r|Clip r _ six c|Mul x c m|Div m six y")]
    [InlineData("Add x three a|Relu a r|Min r six c|Mul x c m|Div m six y")]
    [InlineData("Add x three a|Max a zero r|Min six r c|Mul x c m|Div m six y")]
    [InlineData("Add x three a|Min a six r|Max r zero c|Mul x c m|Div m six y")]
    [InlineData("Add x three a|Clip a zero six c|Div c six y", false)]
    public void Run_AFormThatExportersWrite_IsWrittenShorterAndTheSame(string chain, bool isMultiplied = true)
    {
        var model = Chain(chain).Model;
        var result = Preprocessor.Run(model, OnlyRewrite);
        string[] expected = isMultiplied ? ["HardSigmoid", "Mul"] : ["HardSigmoid"];
        Assert.Equal(expected, result.Model.Graph.Node.Select(static node => node.OpType));
        Assert.Single(result.Steps, static step => step.Contains("HardSigmoid", StringComparison.Ordinal));
        using var before = GraphSession.Open(OnnxFile.ToBytes(model));
        using var after = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var inputs = ModelRuns.RandomInputs(before, 5);
        foreach (ref var value in inputs["x"].GetTensorMutableDataAsSpan<float>())
            value *= 6;
        Assert.True(ModelRuns.Snr(ModelRuns.Run(before, inputs)[0], ModelRuns.Run(after, inputs)[0]) > 130);
    }

    [Theory]
    [InlineData("Add x three a|Clip a zero five c|Mul x c m|Div m six y", "")]
    [InlineData("Add x three a|Clip a zero six c|Mul x c m|Div m five y", "")]
    [InlineData("Add x five a|Clip a zero six c|Mul x c m|Div m six y", "")]
    [InlineData("Add x three a|Clip a _ six c|Mul x c m|Div m six y", "")]
    [InlineData("Add x three a|Clip a zero six c|Mul z c m|Div m six y", "")]
    [InlineData("Add x three a|Clip a zero six c|Mul x c m|Div six m y", "")]
    [InlineData("Add x three a|Clip a zero six c|Mul x c m|Div m six y", "a")]
    [InlineData("Add x three a|Clip a zero six c|Mul x c m|Div m six y", "c")]
    [InlineData("Add x three a|Clip a zero six c|Mul x c m|Div m six y", "m")]
    [InlineData("Add x three a|Clip a zero six c|Mul x c m|Div m six y|Relu c q", "q")]
    public void Run_OtherConstantsOrOtherReaders_IsLeftAlone(string chain, string alsoOutput)
    {
        var graph = Chain(chain);
        if (alsoOutput.Length > 0) graph.Output(alsoOutput);
        var result = Preprocessor.Run(graph.Model, OnlyRewrite);
        Assert.DoesNotContain(result.Model.Graph.Node, static node => node.OpType == "HardSigmoid");
        Assert.Equal(graph.Model.Graph.Node, result.Model.Graph.Node);
    }

    [Fact]
    public void Run_ConstantThatACallerMayGive_IsLeftAlone()
    {
        var graph = Chain("Add x three a|Clip a zero six c|Mul x c m|Div m six y").Input("three");
        Assert.DoesNotContain(
            Preprocessor.Run(graph.Model, OnlyRewrite with { KeepWeightInputs = true }).Model.Graph.Node,
            static node => node.OpType == "HardSigmoid");
    }

    [Fact]
    public void Run_SwitchedOff_LeavesTheChain()
    {
        var graph = Chain("Add x three a|Clip a zero six c|Mul x c m|Div m six y");
        Assert.Equal(4, Preprocessor.Run(graph.Model, new() { FoldConstants = false, RewriteHardSwish = false }).Model.Graph.Node.Count);
    }

    private static TestGraph Chain(string chain)
    {
        var graph = new TestGraph().Input("x", 2, 300).Input("z", 2, 300).Output("y");
        foreach (var (name, value) in new[] { ("zero", 0f), ("three", 3), ("five", 5), ("six", 6), ("sixth", 1f / 6) })
        {
            if (chain.Split(' ', '|').Contains(name)) graph.Scalar(name, value);
        }

        foreach (var node in chain.Split('|'))
        {
            var words = node.Split(' ');
            graph.Node(words[0], string.Join(' ', words[1..^1]), words[^1]);
        }

        return graph;
    }
}
