using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public class PreprocessorTests
{
    private static readonly PreprocessingOptions NoRuntime = new() { FoldConstants = false };

    [Theory]
    [InlineData(12)]
    [InlineData(23)]
    public void Run_OpsetOutOfRange_IsRefused(int opset)
    {
        var exception = Assert.Throws<QuantizationException>(() => Preprocessor.Run(new TestGraph().Model, new() { Opset = opset }));
        Assert.Equal(QuantizationFailure.InvalidOptions, exception.Failure);
    }

    [Fact]
    public void Run_EveryRealModel_ComesOutCloseAndIsNotChangedItself()
    {
        var root = SharedData.PathOf("");
        foreach (var path in SharedData.Models())
        {
            var bytes = File.ReadAllBytes(Path.Combine(root, path));
            var model = ModelProto.Parser.ParseFrom(bytes);
            var result = Preprocessor.Run(model, new());
            Assert.Equal(ModelProto.Parser.ParseFrom(bytes), model);
            Assert.Equal(OnnxFile.ToBytes(result.Model), OnnxFile.ToBytes(Preprocessor.Run(model, new()).Model));
            Assert.Equal(model.Graph.Output, result.Model.Graph.Output);
            Assert.Equal(model.MetadataProps, result.Model.MetadataProps);
            if (path.Contains("silero", StringComparison.Ordinal)) continue;
            using var before = GraphSession.Open(bytes);
            using var after = GraphSession.Open(OnnxFile.ToBytes(result.Model), what: path);
            Assert.Equal(before.InputNames, after.InputNames);
            Assert.Empty(after.Session.OverridableInitializerMetadata);
            Assert.Equal(before.OutputNames, after.OutputNames);
            var inputs = ModelRuns.RandomInputs(before, 2, path.Contains("yunet", StringComparison.Ordinal) ? 64 : 2);
            var (expected, actual) = (ModelRuns.Run(before, inputs), ModelRuns.Run(after, inputs));
            for (var i = 0; i < expected.Count; i++)
                Assert.True(
                    expected[i].AsSpan().SequenceEqual(actual[i]) || ModelRuns.Snr(expected[i], actual[i]) > 80, $"{path}, output {i}");
        }
    }

    [Fact]
    public void Run_NothingToDo_GivesTheModelItself()
    {
        var model = new TestGraph().Input("x", 2, 3).Node("Relu", "x", "y").Output("y").Model;
        var result = Preprocessor.Run(model, new());
        Assert.Empty(result.Steps);
        Assert.Equal(model, result.Model);
    }

    [Fact]
    public void Run_ConstantNodesOfAllKinds_BecomeWeights()
    {
        var graph = new TestGraph().Input("x", 2)
            .Node("Add", "x f", "s")
            .Node("Mul", "s fs", "m")
            .Node("Reshape", "m is", "r")
            .Node("Gather", "r i", "y")
            .Output("y")
            .Output("direct");
        Constant("f", Nodes.Float("value_float", 2));
        Constant("fs", new AttributeProto { Name = "value_floats", Type = AttributeProto.Types.AttributeType.Floats, Floats = { 1, 3 } });
        Constant("is", Nodes.Ints("value_ints", 1, 2));
        Constant("i", Nodes.Int("value_int", 0));
        Constant(
            "direct",
            new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = TensorData.Make("", [7f], 1) });
        var result = Preprocessor.Run(graph.Model, NoRuntime);
        Assert.Equal(["f", "fs", "i", "is"], result.Model.Graph.Initializer.Select(static tensor => tensor.Name).Order());
        Assert.Equal("direct", Assert.Single(result.Model.Graph.Node, static node => node.OpType == "Constant").Output[0]);
        using var before = GraphSession.Open(OnnxFile.ToBytes(graph.Model));
        using var after = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var inputs = ModelRuns.RandomInputs(before, 3);
        Assert.Equal(ModelRuns.Run(before, inputs), ModelRuns.Run(after, inputs));

        void Constant(string name, AttributeProto attribute) =>
            graph.Model.Graph.Node.Insert(0, Nodes.Make("Constant", [], [name], "", attribute));
    }

    [Fact]
    public void Run_DeadParts_AreRemovedAndForeignOperatorsStay()
    {
        var graph = new TestGraph().Input("x", 2).Node("Relu", "x", "y").Node("Neg", "x", "dead1").Node("Abs", "dead1", "dead2").Output("y")
            .Weight(TensorData.Make("unread", [1f], 1));
        var foreign = Nodes.Make("Log", ["x"], ["logged"], "");
        foreign.Domain = "com.example";
        graph.Model.Graph.Node.Add(foreign);
        var result = Preprocessor.Run(graph.Model, NoRuntime);
        Assert.Equal(["y", "logged"], result.Model.Graph.Node.Select(static node => node.Output[0]));
        Assert.Empty(result.Model.Graph.Initializer);
        Assert.Equal(["Removed 2 nodes that no output depends on.", "Removed 1 weights that nothing reads."], result.Steps);
    }

    [Fact]
    public void Run_WeightsReadBySubgraphsAlone_Stay()
    {
        var graph = new TestGraph().Input("x", 2)
            .Weight(TensorData.Make("w", [1f, 2f], 2))
            .Weight(TensorData.Make("flag", Proto.TensorProto.Types.DataType.Bool, [1], []));
        var (then, otherwise) = (Branch("Add"), Branch("Sub"));
        graph.Node(
            "If", "flag", "y", new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = then },
            new AttributeProto { Name = "else_branch", Type = AttributeProto.Types.AttributeType.Graph, G = otherwise }).Output("y");
        var result = Preprocessor.Run(graph.Model, NoRuntime);
        Assert.Equal(graph.Model, result.Model);

        static GraphProto Branch(string operation)
        {
            var inner = new GraphProto { Name = operation };
            inner.Node.Add(Nodes.Make(operation, ["x", "w"], [$"o{operation}"], ""));
            inner.Output.Add(TestGraph.Value($"o{operation}", Proto.TensorProto.Types.DataType.Float, 2));
            return inner;
        }
    }

    [Fact]
    public void Run_TwiceTheNodes_CostsTwiceTheMemoryAndNotMore()
    {
        _ = CostOf(1000);
        var (small, large) = (CostOf(20_000), CostOf(100_000));
        Assert.InRange(large / (double)small, 3, 7);

        static long CostOf(int nodes)
        {
            var graph = new TestGraph(9).Input("v0", 4).Output($"v{nodes}");
            for (var i = 0; i < nodes; i++)
                graph.Node(i % 2 == 0 ? "Relu" : "Neg", $"v{i}", $"v{i + 1}");
            var before = GC.GetAllocatedBytesForCurrentThread();
            var document = OnnxDocument.Read(new(OnnxFile.ToBytes(graph.Model), "large"));
            var result = Preprocessor.Run(document.Model, NoRuntime);
            Assert.Equal(nodes, result.Model.Graph.Node.Count);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }
}
