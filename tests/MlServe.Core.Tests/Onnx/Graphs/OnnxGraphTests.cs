using System.IO.Compression;
using CsCheck;
using MlServe.Onnx.Inspection;
using MlServe.Tensors;
using Xunit;

namespace MlServe.Onnx.Graphs;

public sealed class OnnxGraphTests
{
    [Fact]
    public void Read_NodesOutOfOrder_AreSorted()
    {
        var graph = OnnxGraph.Read(new TinyOnnx().Input("x", ElementType.Float, "n", 2).Output("y", ElementType.Float, "n", 2)
            .Node("Relu", "b", "y").Node("Abs", "x", "a").Node("Neg", "a", "b").ToArray());

        Assert.Equal(["Abs", "Neg", "Relu"], graph.Main.Nodes.Select(static node => node.OpType));
        Assert.Empty(graph.Main.Faults);
        Assert.Empty(graph.Main.Free);
    }

    [Fact]
    public void Read_NodesInACycle_SaysSo()
    {
        var graph = OnnxGraph.Read(new TinyOnnx().Input("x", ElementType.Float, "n", 2).Output("y", ElementType.Float, "n", 2)
            .Node("Add", "x b", "a").Node("Neg", "a", "b").Node("Relu", "x", "y").ToArray());

        Assert.Equal(3, graph.Main.Nodes.Count);
        Assert.Contains("2 nodes", Assert.Single(graph.Main.Faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("a")]
    [InlineData("w")]
    public void Read_ANameMadeTwice_SaysSo(string again)
    {
        var graph = OnnxGraph.Read(new TinyOnnx().Input("x", ElementType.Float, "n", 2).Output("y", ElementType.Float, "n", 2)
            .Weight("w", [1f], 1).Node("Abs", "x", "a").Node("Neg", "x", again).Node("Relu", "a", "y").ToArray());

        Assert.Contains($"'{again}' is made twice", graph.Main.Faults);
    }

    [Fact]
    public void Read_Tensors_KeepsWhatIsSmall()
    {
        var graph = OnnxGraph.Read(new TinyOnnx().Input("x", ElementType.Float, "n", 2).Output("y", ElementType.Float, "n", 2)
            .Weight("longs", [3L, -4], 2).Weight("floats", [0.5f, -2], 2)
            .Weight("large", new float[OnnxGraph.MaxKeptValues + 1], OnnxGraph.MaxKeptValues + 1)
            .Weight("wrong", [1L, 2], 3).ExternalWeight("external", "elsewhere", 1).Tensor("bytes", 3, [0xFF, 1], 2)
            .Tensor("halves", 10, [0, 0x3C], 1)
            .Node("Relu", "x", "y").ToArray());

        Assert.Equal([3L, -4], graph.Main.Initializers["longs"].Integers!);
        Assert.Equal([0.5, -2], graph.Main.Initializers["floats"].Numbers!);
        Assert.Null(graph.Main.Initializers["large"].Numbers);
        Assert.Equal(OnnxGraph.MaxKeptValues + 1, graph.Main.Initializers["large"].Count);
        Assert.Null(graph.Main.Initializers["wrong"].Integers);
        Assert.True(graph.Main.Initializers["external"].IsExternal);
        Assert.Null(graph.Main.Initializers["external"].Numbers);
        Assert.Equal([-1L, 1], graph.Main.Initializers["bytes"].Integers!);
        Assert.Equal([1.0], graph.Main.Initializers["halves"].Numbers!);
    }

    [Fact]
    public void Read_ElementsThatAreNotPacked_AreRead()
    {
        byte[] model = Models.WithGraph(static graph => graph
            .Message(5, static t => t.Int(1, 2).Int(2, 7).Int(7, 5).Int(7, -6).Text(8, "longs"))
            .Message(5, static t => t.PackedInts(1, 2).Int(2, 1).Float(4, 1.5f).Float(4, 2).Text(8, "floats"))
            .Message(5, static t => t.PackedInts(1, 1).Int(2, 11).Double(10, 0.25).Text(8, "doubles"))
            .Message(5, static t => t.PackedInts(1, 1).Int(2, 10).PackedInts(5, 0x3C00).Text(8, "halves")));
        var initializers = OnnxGraph.Read(model).Main.Initializers;

        Assert.Equal([5L, -6], initializers["longs"].Integers!);
        Assert.Equal([1.5, 2], initializers["floats"].Numbers!);
        Assert.Equal([0.25], initializers["doubles"].Numbers!);
        Assert.Equal([1.0], initializers["halves"].Numbers!);
    }

    [Fact]
    public void TryGetConstant_EveryWayToWriteOne_GivesTheValue()
    {
        Action<WireWriter>[] ways =
        [
            TinyOnnx.Int("value_int", 7), TinyOnnx.Ints("value_ints", 7),
            a => a.Text(1, "value").Message(5, static t => t.Int(2, 7).PackedInts(7, 7)).Int(20, 4),
            a => a.Text(1, "value_ints").Int(8, 7), a => a.Text(1, "value_int").Int(3, 7),
        ];
        foreach (var way in ways)
        {
            var node = Assert.Single(OnnxGraph.Read(new TinyOnnx().Output("y", ElementType.Int64)
                .Node("Constant", "", "y", way).ToArray()).Main.Nodes);
            Assert.True(node.TryGetConstant(out var value));
            Assert.Equal([7L], value.Integers!);
        }
    }

    [Fact]
    public void Read_Defaults_AreNoConstants()
    {
        var model = new TinyOnnx().Input("k", ElementType.Int64, 1)
            .Input("x", ElementType.Float, "n")
            .Weight("k", [1L], 1)
            .Weight("c", [2L], 1)
            .Output("x", ElementType.Float, "n").ToArray();
        var graph = OnnxGraph.Read(model);

        Assert.True(graph.IsDefault("k"));
        Assert.False(graph.TryGetConstant("k", out _));
        Assert.True(graph.TryGetConstant("c", out _));
        Assert.Equal(["x", "k"], graph.SessionInputs.Select(static input => input.Name));
    }

    [Fact]
    public void Read_OldModel_TakesWeightsForConstants()
    {
        var model = new TinyOnnx(opset: 8, irVersion: 3).Input("x", ElementType.Float, "n")
            .Input("k", ElementType.Int64, 1)
            .Weight("k", [1L], 1)
            .Output("x", ElementType.Float, "n").ToArray();
        var graph = OnnxGraph.Read(model);

        Assert.True(graph.TryGetConstant("k", out _));
        Assert.Equal(["x"], graph.SessionInputs.Select(static input => input.Name));
    }

    [Fact]
    public void Read_Subgraphs_KnowsWhatTheyCapture()
    {
        // The subgraph's own 'c' is not captured; what the inner subgraph takes from outside of both is.
        Action<WireWriter> branch = graph => graph
            .Message(5, static t => t.Int(2, 1).PackedInts(1).Text(8, "c"))
            .Message(
                1,
                node => node.Text(1, "flag")
                    .Text(2, "t")
                    .Text(4, "If")
                    .Message(5, static a => a.Text(1, "then_branch").Int(20, 5).Message(6,
                static inner =>
                    inner.Message(1, static add => add.Text(1, "deep").Text(1, "c").Text(2, "o").Text(4, "Add"))
                        .Message(12, static o => o.Text(1, "o")))))
            .Message(12, static o => o.Text(1, "t"));
        var graph = OnnxGraph.Read(Models.WithGraph(main => main
            .Message(
                1,
                node => node.Text(1, "flag")
                    .Text(2, "y")
                    .Text(4, "If")
                    .Message(5, a => a.Text(1, "then_branch").Message(6, branch).Int(20, 5)))
            .Message(1, static node => node.Text(1, "x").Text(2, "deep").Text(4, "Relu"))
            .Message(11, static i => i.Text(1, "x")).Message(11, static i => i.Text(1, "flag")).Message(12, static o => o.Text(1, "y"))));

        Assert.Equal(["Relu", "If"], graph.Main.Nodes.Select(static node => node.OpType));
        Assert.Equal(["deep", "flag"], graph.Main.Nodes[1].Captured.Order());
        Assert.Empty(graph.Main.Free);
        Assert.NotNull(graph.Main.Nodes[1].Body("then_branch"));
    }

    [Fact]
    public void Bind_AReferenceToAnAttribute_IsReplaced()
    {
        byte[] model = Models.Envelope()
            .Message(7, static _ => { })
            .Message(25, static f => f.Text(1, "Soft").Text(10, "mine").Text(4, "a").Text(5, "b").Text(6, "axis")
            .Message(9, Models.Opset("", 13))
            .Message(11, static a => a.Text(1, "extra").Int(3, 5).Int(20, 2))
            .Message(
                7,
                static n => n.Text(1, "a").Text(2, "b").Text(4, "Softmax")
                .Message(5, static a => a.Text(1, "axis").Text(21, "axis").Int(20, 2))
                .Message(5, static a => a.Text(1, "other").Text(21, "extra").Int(20, 2))
                .Message(5, static a => a.Text(1, "absent").Text(21, "nothing").Int(20, 2))));
        var graph = OnnxGraph.Read(model);
        var call = new GraphNode
        {
            Domain = "mine",
            OpType = "Soft",
            Inputs = ["x"],
            Outputs = ["y"],
            Attributes = [new() { Name = "axis", Kind = GraphAttributeKind.Int, Int = 1 }],
        };
        var function = graph.FindFunction(call);

        Assert.NotNull(function);
        Assert.Equal(13, function.Opsets["ai.onnx"]);
        var bound = function.Bind(function.Body.Nodes[0], call);
        Assert.Equal([("axis", 1L), ("other", 5L)], bound.Select(static attribute => (attribute.Name, attribute.Int)));
    }

    [Fact]
    public void Read_RealModels_HasTheNodesThatTheInspectorCounts()
    {
        var folder = SharedData.PathOf("models");
        var files = Directory.GetFiles(folder, "*.onnx", SearchOption.AllDirectories);
        Assert.True(files.Length > 20);
        foreach (var file in files)
            AssertAgrees(file, File.ReadAllBytes(file));
    }

    [Fact]
    public void Read_ConformanceModels_HasTheNodesThatTheInspectorCounts()
    {
        using var zip = ZipFile.OpenRead(SharedData.PathOf("onnx-node-open.zip"));
        foreach (var entry in zip.Entries.Where(static entry => entry.FullName.EndsWith(".onnx", StringComparison.Ordinal)))
        {
            using var content = new MemoryStream();
            using (var stream = entry.Open())
                stream.CopyTo(content);
            AssertAgrees(entry.FullName, content.ToArray());
        }
    }

    [Fact]
    public void Read_DamagedModels_IsRefusedOrRead()
    {
        var model = Models.Rich();
        for (var bit = 0; bit < model.Length * 8; bit++)
        {
            model[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertSafe(model);
            model[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (var length = 1; length < model.Length; length++)
            AssertSafe(model[..length]);
    }

    [Fact]
    public void Read_RandomWireBytes_IsRefusedOrRead()
    {
        var scalar = Gen.Select(
            Gen.Int[1, 26], Gen.OneOf(0, 2, 5), Gen.OneOf(Gen.ULong[0, 300], Gen.ULong), Gen.Byte.Array[0, 12],
            static (field, wire, number, bytes) => wire switch
        {
            0 => new WireWriter().Tag(field, 0).Varint(number).ToArray(),
            2 => new WireWriter().Bytes(field, bytes).ToArray(),
            _ => new WireWriter().Float(field, number).ToArray(),
        });
        Gen<byte[]> Message(int depth) => depth == 0 ? scalar : Gen.Frequency((1, scalar), (2, Gen.Select(
            Gen.OneOf(1, 2, 5, 6, 7, 8, 10, 11, 12, 13, 15, 20, 22, 25), Message(depth - 1).Array[0, 4],
            static (field, parts) => new WireWriter().Bytes(field, [.. parts.SelectMany(static part => part)]).ToArray())));

        Message(5).Array[1, 6].Sample(
            static fields =>
                AssertSafe([.. Models.Envelope().Message(7, static _ => { }).ToArray(), .. fields.SelectMany(static field => field)]),
            iter: 20_000);
    }

    private static void AssertAgrees(string file, byte[] model)
    {
        var info = OnnxInspector.Inspect(model);
        var graph = OnnxGraph.Read(model);
        var nodes = CountNodes(graph.Main) + graph.Functions.Sum(static function => CountNodes(function.Body));
        Assert.Equal((file, info.NodeCount), (file, nodes));
        Assert.Equal((file, info.Inputs.Count), (file, graph.Main.Inputs.Count));
        Assert.Empty(graph.Main.Free);
        Assert.Empty(graph.Main.Faults);
    }

    private static long CountNodes(GraphBody body) =>
        body.Nodes.Sum(static node => 1 + node.Attributes.Sum(static attribute => attribute.Bodies.Sum(CountNodes)));

    private static void AssertSafe(byte[] model)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            OnnxGraph.Read(model);
        }
        catch (ModelLoadException refusal)
        {
            Assert.NotEqual(ModelLoadFailure.Other, refusal.Failure);
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= 64 * 1024 + (400L * model.Length), $"{allocated} bytes were allocated for a model of {model.Length}.");
    }
}
