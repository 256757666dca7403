using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public class SumShapesTests
{
    private static readonly PreprocessingOptions NotFolded = new() { FoldConstants = false };

    [Fact]
    public void Run_AdditionOfWhatHasOneShape_IsDoneWithinTheConvolution()
    {
        var model = Residual(pad: 1).Model;
        Assert.SkipUnless(
            Evaluation.FusedOperators.Of(OnnxFile.ToBytes(model)).ContainsKey("ReorderOutput"),
            "ONNX Runtime has no layout of its own for convolutions on this processor.");
        var result = Preprocessor.Run(model, NotFolded);
        Assert.Equal(["a", "c"], result.Model.Graph.ValueInfo.Select(static info => info.Name));
        Assert.Equal(Lengths(result.Model.Graph.ValueInfo[0]), Lengths(result.Model.Graph.ValueInfo[1]));
        var bytes = OnnxFile.ToBytes(result.Model);
        Assert.DoesNotContain(Evaluation.FusedOperators.Of(bytes), static pair => pair.Key is "Add" or "Reshape");
        using var before = GraphSession.Open(OnnxFile.ToBytes(model));
        using var after = GraphSession.Open(bytes);
        foreach (var size in new[] { 3, 8, 13 })
        {
            var values = ModelRuns.RandomInputs(before, 5, size);
            Assert.True(ModelRuns.Snr(ModelRuns.Run(before, values)[0], ModelRuns.Run(after, values)[0]) > 110);
        }
    }

    [Fact]
    public void Run_NamesOfLengthsThatTheModelHas_AreNotTaken()
    {
        var model = Residual(pad: 1).Model;
        model.Graph.Input[0].Type.TensorType.Shape.Dim[2].DimParam = "n0";
        Assert.DoesNotContain("n0", Lengths(Preprocessor.Run(model, NotFolded).Model.Graph.ValueInfo[0]));
    }

    [Theory]
    [InlineData("Conv x w a|Conv a v c|Conv a w d|Add c d y", 0)] // both lose two places, so they are one shape
    [InlineData("Conv x w a|Conv a v c|Add a c y", 1)] // one side is shorter
    [InlineData("Conv x w a|Conv z v c|Add a c y", 2)] // two inputs that may differ
    [InlineData("Conv x w a|GlobalAveragePool a c|Add a c y", 3)] // spread over the area
    public void Run_ShapesThatMayDiffer_AreNotDeclared(string chain, int which)
    {
        var declared = Preprocessor.Run(Graph(chain, 0).Model, NotFolded).Model.Graph.ValueInfo.Count;
        Assert.Equal(which == 0 ? 2 : 0, declared);
    }

    private static string[] Lengths(ValueInfoProto info) =>
        [.. info.Type.TensorType.Shape.Dim.Select(static dim => dim.HasDimValue ? $"{dim.DimValue}" : dim.DimParam)];

    private static TestGraph Residual(int pad) => Graph("Conv x w a|Relu a r|Conv r v c|Add a c y", pad);

    private static TestGraph Graph(string chain, int pad)
    {
        var graph = new TestGraph().Input("x", -1, 16, -2, -3).Output("y");
        if (chain.Contains('z', StringComparison.Ordinal)) graph.Input("z", -1, 16, -2, -3);
        graph.Weight(TensorData.Make("w", Trial.Values(1, 16 * 16 * 9), 16, 16, 3, 3))
            .Weight(TensorData.Make("v", Trial.Values(2, 16 * 16 * 9), 16, 16, 3, 3));
        foreach (var words in chain.Split('|').Select(static node => node.Split(' ')))
        {
            AttributeProto[] attributes = words[0] == "Conv" ? [Nodes.Ints("pads", pad, pad, pad, pad)] : [];
            graph.Node(words[0], string.Join(' ', words[1..^1]), words[^1], attributes);
        }

        return graph;
    }
}
