using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public class PooledConvsTests
{
    private static readonly PreprocessingOptions NotFolded = new() { FoldConstants = false };

    [Theory]
    [InlineData("GlobalAveragePool", 1)]
    [InlineData("GlobalMaxPool", 3)]
    public void Run_SqueezeAndExcitation_IsWrittenAsMatrixProducts(string pool, int rows)
    {
        var model = Block(pool).Model;
        var result = Preprocessor.Run(model, NotFolded);
        Assert.Equal(
            [pool, "Flatten", "Gemm", "Relu", "Gemm", "HardSigmoid", "Unsqueeze", "Mul"],
            result.Model.Graph.Node.Select(static node => node.OpType));
        Assert.Contains(result.Steps, static step => step.Contains("2 convolutions", StringComparison.Ordinal));
        Assert.Equal(
            ["n_p", "n_a", "n_b"],
            result.Model.Graph.Node.Where(static node => node.OpType is "Gemm" or "GlobalAveragePool" or "GlobalMaxPool")
                .Select(static node => node.Name));
        using var before = GraphSession.Open(OnnxFile.ToBytes(model));
        using var after = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var values = ModelRuns.RandomInputs(before, 5, rows);
        Assert.True(ModelRuns.Snr(ModelRuns.Run(before, values)[0], ModelRuns.Run(after, values)[0]) > 110);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("p")]
    public void Run_ValueWithinThatIsAnOutput_KeepsItsShape(string name)
    {
        var graph = Block("GlobalAveragePool").Output(name);
        using var before = GraphSession.Open(OnnxFile.ToBytes(graph.Model));
        using var after = GraphSession.Open(OnnxFile.ToBytes(Preprocessor.Run(graph.Model, NotFolded).Model));
        var values = ModelRuns.RandomInputs(before, 5);
        foreach (var (expected, actual) in ModelRuns.Run(before, values).Zip(ModelRuns.Run(after, values)))
        {
            Assert.Equal(expected.Length, actual.Length);
            Assert.True(ModelRuns.Snr(expected, actual) > 110);
        }
    }

    [Fact]
    public void Run_ConvolutionOverAnArea_IsLeftAlone()
    {
        var graph = new TestGraph().Input("x", 1, 4, 6, 6)
            .Output("y")
            .Weight(TensorData.Make("w", Trial.Values(1, 16), 4, 4, 1, 1))
            .Node("Conv", "x w", "y");
        Assert.Equal(graph.Model.Graph.Node, Preprocessor.Run(graph.Model, NotFolded).Model.Graph.Node);
    }

    [Fact]
    public void Run_SwitchedOff_LeavesTheConvolutions() =>
        Assert.Equal(
            2,
            Preprocessor.Run(
                Block("GlobalAveragePool").Model, NotFolded with { SimplifyConvolutions = false }).Model.Graph.Node.Count(static node =>
                    node.OpType == "Conv"));

    private static TestGraph Block(string pool) =>
        new TestGraph().Input("x", -1, 8, 6, 6).Output("y")
            .Weight(TensorData.Make("v", Trial.Values(1, 16), 2, 8, 1, 1)).Weight(TensorData.Make("c", Trial.Values(2, 2), 2))
            .Weight(TensorData.Make("w", Trial.Values(3, 16), 8, 2, 1, 1))
            .Node(pool, "x", "p").Node("Conv", "p v c", "a").Node("Relu", "a", "r").Node("Conv", "r w", "b").Node("HardSigmoid", "b", "h")
            .Node("Mul", "x h", "y");
}
