using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public class FlatSoftmaxTests
{
    [Theory]
    [InlineData("Gemm", 1, "", "Gemm Softmax")]
    [InlineData("Gemm", 0, "", "Gemm Shape Flatten Softmax Reshape")] // over all rows at once
    [InlineData("MatMul", 1, "", "MatMul Shape Flatten Softmax Reshape")] // may have more axes
    [InlineData("Gemm", 1, "f", "Gemm Shape Flatten Softmax Reshape")]
    public void Run_SoftmaxBetweenFlattenAndReshape_StandsAloneWhereThereAreTwoAxes(
        string source, long axis, string alsoOutput, string left)
    {
        var graph = new TestGraph().Input("x", -1, 4).Output("y").Weight(TensorData.Make("w", Trial.Values(1, 12), 4, 3))
            .Node(source, "x w", "g").Node("Shape", "g", "s").Node("Flatten", "g", "f", Nodes.Int("axis", axis))
            .Node("Softmax", "f", "p", Nodes.Int("axis", -1)).Node("Reshape", "p s", "y");
        if (alsoOutput.Length > 0) graph.Output(alsoOutput);
        var result = Preprocessor.Run(graph.Model, new());
        Assert.Equal(left, string.Join(' ', result.Model.Graph.Node.Select(static node => node.OpType)));
        using var before = GraphSession.Open(OnnxFile.ToBytes(graph.Model));
        using var after = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var values = ModelRuns.RandomInputs(before, 5);
        Assert.Equal(ModelRuns.Run(before, values), ModelRuns.Run(after, values));
    }
}
