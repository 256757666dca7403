using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class OperationCountTests
{
    private static readonly TypedShape Nothing = new("", []);

    /// <summary>
    /// An operator of a graph whose input is x, of a shape, with weights w, r of shapes; and its operations, counted by hand: 2 x products.
    /// </summary>
    public static TheoryData<string, long[], long[], long[], string[], long> Operators => new()
    {
        // 6 x 6 places x 4 channels, each 3 channels x 9.
        { "Conv", [1, 3, 8, 8], [4, 3, 3, 3], [], [], 2 * 36 * 4 * 27 },
        // Padded and every second place: 4 x 4; zeros count.
        { "Conv", [2, 3, 8, 8], [4, 3, 3, 3], [], ["pads=1,1,1,1", "strides=2,2"], 2 * 2 * 16 * 4 * 27 },
        // Two groups of two channels; a group for each channel; one axis.
        { "Conv", [1, 4, 8, 8], [6, 2, 1, 1], [], ["group=2"], 2 * 64 * 6 * 2 },
        { "Conv", [1, 4, 8, 8], [4, 1, 3, 3], [], ["group=4"], 2 * 36 * 4 * 9 },
        { "Conv", [3, 2, 10], [5, 2, 4], [], [], 2 * 3 * 7 * 5 * 8 },
        // Each of 3 x 5 x 5 values is multiplied with 4 channels x 4; with two groups 4 x 5 x 5 with 3 x 4.
        { "ConvTranspose", [1, 3, 5, 5], [3, 4, 2, 2], [], ["strides=2,2"], 2 * 75 * 16 },
        { "ConvTranspose", [1, 4, 5, 5], [4, 3, 2, 2], [], ["group=2"], 2 * 100 * 12 },
        { "MatMul", [5, 7], [7, 3], [], [], 2 * 5 * 3 * 7 },
        { "MatMul", [2, 4, 5, 7], [7, 3], [], [], 2 * 8 * 5 * 3 * 7 },
        { "MatMul", [5, 7], [4, 7, 3], [], [], 2 * 4 * 5 * 3 * 7 },
        { "MatMul", [7], [7, 3], [], [], 2 * 3 * 7 },
        { "MatMul", [5, 7], [7], [], [], 2 * 5 * 7 },
        { "MatMul", [7], [7], [], [], 2 * 7 },
        { "MatMul", [0, 7], [7, 3], [], [], 0 },
        { "Gemm", [5, 7], [7, 3], [], [], 2 * 5 * 3 * 7 },
        { "Gemm", [7, 5], [3, 7], [], ["transA=1", "transB=1"], 2 * 5 * 3 * 7 },
        { "com.microsoft.FusedMatMul", [2, 7, 5], [2, 7, 3], [], ["transA=1"], 2 * 2 * 5 * 3 * 7 },
        { "com.microsoft.FusedConv", [1, 3, 8, 8], [4, 3, 3, 3], [], ["activation=Relu"], 2 * 36 * 4 * 27 },
        { "com.microsoft.FusedGemm", [5, 7], [7, 3], [], ["activation=Relu"], 2 * 5 * 3 * 7 },
        // 6 steps of 2 rows, each with 4 gates x 5 x (3 + 5); both directions; 3 gates; 1 gate.
        { "LSTM", [6, 2, 3], [1, 20, 3], [1, 20, 5], ["hidden_size=5"], 2 * 12 * 20 * 8 },
        { "LSTM", [6, 2, 3], [2, 20, 3], [2, 20, 5], ["hidden_size=5", "direction=bidirectional"], 2 * 2 * 12 * 20 * 8 },
        { "GRU", [6, 2, 3], [1, 15, 3], [1, 15, 5], ["hidden_size=5"], 2 * 12 * 15 * 8 },
        { "RNN", [6, 2, 3], [1, 5, 3], [1, 5, 5], ["hidden_size=5"], 2 * 12 * 5 * 8 },
        // Nothing is multiplied but element by element.
        { "Mul", [5, 7], [5, 7], [], [], 0 },
    };

    /// <summary>What cannot be counted by its shapes, or not at all.</summary>
    public static TheoryData<string, long[], long[], long[], string[]> Uncountable => new()
    {
        { "Einsum", [5, 7], [7, 3], [], ["equation=ij,jk->ik"] },
        { "com.microsoft.FusedMatMul", [7, 2, 5], [7, 2, 3], [], ["transBatchA=1", "transBatchB=1", "transA=1"] },
        { "com.microsoft.Attention", [1, 4, 8], [8, 24], [24], ["num_heads=2"] },
        { "com.example.Mine", [5, 7], [7, 3], [], [] },
        // It does not run: 7 is not 6.
        { "MatMul", [5, 7], [6, 3], [], [] },
    };

    [Theory]
    [MemberData(nameof(Operators))]
    public void Of_OneOperator_IsWhatIsCountedByHand(string operation, long[] x, long[] w, long[] r, string[] attributes, long expected) =>
        Assert.Equal(expected, Count(Graph(operation, w, r, attributes).Input("x", x).Output("y"), x));

    [Theory]
    [MemberData(nameof(Uncountable))]
    public void Of_NotCountable_IsNull(string operation, long[] x, long[] w, long[] r, string[] attributes) =>
        Assert.Null(Count(Graph(operation, w, r, attributes).Input("x", x).Output("y"), x));

    [Fact]
    public void Of_LengthsOfSequences_IsNull()
    {
        var graph = new TestGraph().Input("x", 6, 2, 3).Output("y").Weight(Weight("w", 1, 20, 3)).Weight(Weight("r", 1, 20, 5))
            .Weight(TensorData.Make("lengths", [6, 3], 2))
            .Node("LSTM", "x w r _ lengths", "y", Nodes.Int("hidden_size", 5));
        Assert.Null(Count(graph, 6, 2, 3));
    }

    [Fact]
    public void Of_WholeGraph_IsTheSumWhateverItsNodesAreCalled()
    {
        var graph = new TestGraph().Input("x", -1, 7)
            .Output("z")
            .Weight(Weight("w", 7, 4))
            .Weight(Weight("v", 4, 3))
            .Node("MatMul", "x w", "a")
            .Node("Relu", "a", "y")
            .Node("MatMul", "y v", "z");
        graph.Model.Graph.Node[0].Name = "\"a\\\n[{";
        Assert.Equal(2 * 5 * ((7 * 4) + (4 * 3)), Count(graph, 5, 7));
    }

    [Theory]
    [InlineData(1, 9L * 2 * 5 * 7 * 7)]
    [InlineData(251, null)]
    public void Of_Loop_CountsEachTurnWhereItIsShort(double milliseconds, long? expected)
    {
        var body = new TestGraph().Node("Identity", "more", "on").Node("MatMul", "state w", "next").Model.Graph;
        body.Name = "body";
        body.Input.Add(TestGraph.Value("turn", TensorProto.Types.DataType.Int64));
        body.Input.Add(TestGraph.Value("more", TensorProto.Types.DataType.Bool));
        body.Input.Add(TestGraph.Value("state", TensorProto.Types.DataType.Float, 5, 7));
        body.Output.Add(TestGraph.Value("on", TensorProto.Types.DataType.Bool));
        body.Output.Add(TestGraph.Value("next", TensorProto.Types.DataType.Float, 5, 7));
        var graph = new TestGraph().Input("x", 5, 7).Output("y").Weight(Weight("w", 7, 7)).Weight(TensorData.Make("turns", [9L]))
            .Node(
                "Loop", "turns _ x", "y", new AttributeProto { Name = "body", Type = AttributeProto.Types.AttributeType.Graph, G = body });
        Assert.Equal(expected, Count(graph, milliseconds, 5, 7));
    }

    [Fact]
    public void Of_FunctionOfTheModel_CountsWhatIsInIt()
    {
        static TestGraph Calls(string inner)
        {
            var graph = new TestGraph(irVersion: 8).Input("x", 5, 7).Output("y").Weight(Weight("w", 7, 3)).Node("Product", "x w", "y");
            graph.Model.Graph.Node[0].Domain = "local";
            graph.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
            var function = new FunctionProto { Name = "Product", Domain = "local" };
            function.Input.Add(["a", "b"]);
            function.Output.Add("c");
            function.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 13 });
            function.Node.Add(Nodes.Make(inner, ["a", "b"], ["c"], "\"", inner == "Einsum" ? [Nodes.Text("equation", "ij,jk->ik")] : []));
            graph.Model.Functions.Add(function);
            return graph;
        }

        Assert.Equal(2 * 5 * 7 * 3, Count(Calls("MatMul"), 5, 7));
        Assert.Null(Count(Calls("Einsum"), 5, 7));
    }

    [Fact]
    public void Of_ResNet50_IsAboutEightThousandMillion()
    {
        var folders = Folders();
        Assert.InRange(Count(Trial.Read(ResNetModel.Create(1)), 1, [1, 3, 224, 224])!.Value, 7_700_000_000, 8_400_000_000);
        Assert.Equal(folders, Folders());

        static string[] Folders() =>
            [.. Directory.EnumerateFiles(
                Path.GetTempPath(), "run_*.json",
                new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1, IgnoreInaccessible = true })];
    }

    [Fact]
    public void Sum_LayoutOfTheProcessor_CountsAlike() =>
        Assert.Equal(
            2 * 36 * 4 * 27,
            OperationCount.Sum([new(
                "NhwcFusedConv", [new("float", [1, 8, 8, 3]), new("float", [4, 3, 3, 3])], [new("float", [1, 6, 6, 4])])]));

    [Fact]
    public void Sum_NotAsItShouldBe_IsNull()
    {
        TypedShape big = new("float", [1L << 31, 1L << 31]), matrix = new("float", [7, 7]);
        Assert.Null(OperationCount.Sum([new("MatMul", [big, big], [big])]));
        Assert.Null(OperationCount.Sum([new("MatMul", [matrix], [matrix])]));
        Assert.Null(OperationCount.Sum([new("MatMul", [matrix, matrix], [])]));
        Assert.Null(OperationCount.Sum([new("MatMul", [Nothing, matrix], [matrix])]));
        Assert.Null(OperationCount.Sum([new("Gemm", [new("double", [7, 7]), new("double", [7, 7])], [new("double", [7, 7])])]));
        Assert.Null(OperationCount.Sum([new("Gemm", [matrix, matrix], [new("float", [3, 7])])]));
        Assert.Null(OperationCount.Sum([new("Conv", [matrix, matrix], [matrix])]));
    }

    private static TestGraph Graph(string operation, long[] w, long[] r, string[] attributes)
    {
        var at = operation.LastIndexOf('.');
        var graph = new TestGraph().Weight(Weight("w", w))
            .Node(operation[(at + 1)..], r.Length > 0 ? "x w r" : "x w", "y", [.. attributes.Select(Attribute)]);
        if (r.Length > 0) graph.Weight(Weight("r", r));
        if (at < 0) return graph;
        graph.Model.Graph.Node[0].Domain = operation[..at];
        graph.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = operation[..at], Version = 1 });
        return graph;
    }

    private static AttributeProto Attribute(string text)
    {
        var (name, value) = (text[..text.IndexOf('=')], text[(text.IndexOf('=') + 1)..]);
        if (name is "pads" or "strides") return Nodes.Ints(name, [.. value.Split(',').Select(long.Parse)]);
        return long.TryParse(value, out var number) ? Nodes.Int(name, number) : Nodes.Text(name, value);
    }

    private static TensorProto Weight(string name, params long[] shape) =>
        TensorData.Make(name, Trial.Values(1, (int)shape.Aggregate(1L, static (product, size) => product * size)), shape);

    private static long? Count(TestGraph graph, params long[] shape) => Count(graph.Model, 1, shape);

    private static long? Count(TestGraph graph, double milliseconds, params long[] shape) => Count(graph.Model, milliseconds, shape);

    private static long? Count(ModelProto model, double milliseconds, long[] shape)
    {
        OnnxRuntimeEnvironment.Start();
        using var value = OrtValue.CreateTensorValueFromMemory(
            Trial.Values(2, (int)shape.Aggregate(1L, static (product, size) => product * size)), shape);
        using var sample = new EncodedSample(0, 1, new Dictionary<string, OrtValue> { ["x"] = value });
        return OperationCount.Of(model, sample, milliseconds, 1);
    }

}
