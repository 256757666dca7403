using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public class PointwiseMergerTests
{
    private static readonly PreprocessingOptions NotFolded = new() { FoldConstants = false };

    [Theory]
    [InlineData(8, 4, 6, 1)]
    [InlineData(8, 4, 6, 2)]
    [InlineData(4, 4, 4, 1)]
    public void Run_TwoPointwiseConvolutions_BecomeOneThatAnswersTheSame(int inputs, int between, int outputs, long stride)
    {
        var model = Pair(inputs, between, outputs, stride, 1).Model;
        var result = Preprocessor.Run(model, NotFolded);
        Assert.Equal("Conv", Assert.Single(result.Model.Graph.Node).OpType);
        Assert.Single(result.Steps, static step => step.Contains("Merged 1", StringComparison.Ordinal));
        Assert.Equal(2, result.Model.Graph.Initializer.Count);
        using var before = GraphSession.Open(OnnxFile.ToBytes(model));
        using var after = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var values = ModelRuns.RandomInputs(before, 5);
        Assert.True(ModelRuns.Snr(ModelRuns.Run(before, values)[0], ModelRuns.Run(after, values)[0]) > 110);
    }

    [Theory]
    [InlineData(8, 2, 8, 1, 1, false)] // 64 multiplications a place in place of 32
    [InlineData(8, 4, 6, 1, 2, false)] // the second leaves places out
    [InlineData(8, 4, 6, 1, 1, true)] // what is between is an output
    public void Run_WhereItWouldNotPayOrNotBeTheSame_LeavesBoth(
        int inputs, int between, int outputs, long stride, long secondStride, bool isOutput)
    {
        var graph = Pair(inputs, between, outputs, stride, secondStride);
        if (isOutput) graph.Output("m");
        Assert.Equal(graph.Model.Graph.Node, Preprocessor.Run(graph.Model, NotFolded).Model.Graph.Node);
    }

    [Fact]
    public void Run_SwitchedOff_LeavesBoth() =>
        Assert.Equal(
            2, Preprocessor.Run(Pair(8, 4, 6, 1, 1).Model, NotFolded with { SimplifyConvolutions = false }).Model.Graph.Node.Count);

    private static TestGraph Pair(int inputs, int between, int outputs, long stride, long secondStride) =>
        new TestGraph().Input("x", 1, inputs, 6, 6).Output("y").Weight(Random("w", between, inputs))
            .Weight(TensorData.Make("b", Trial.Values(4, between), between)).Weight(Random("v", outputs, between))
            .Node("Conv", "x w b", "m", Nodes.Ints("strides", stride, stride))
            .Node("Conv", "m v", "y", Nodes.Ints("strides", secondStride, secondStride));

    private static TensorProto Random(string name, int outputs, int inputs) =>
        TensorData.Make(name, Trial.Values(outputs, outputs * inputs), outputs, inputs, 1, 1);
}
