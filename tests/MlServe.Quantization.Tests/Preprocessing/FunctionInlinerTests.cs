using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using Xunit;
using AttributeType = MlServe.Quantization.Proto.AttributeProto.Types.AttributeType;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Models with functions of their own answer bit for bit as they did when the functions are gone.</summary>
public class FunctionInlinerTests
{
    private const string Domain = "my.functions";

    private static readonly PreprocessingOptions NoRuntime = new() { FoldConstants = false, RewriteHardSwish = false, FoldAffine = false };

    [Fact]
    public void Run_TwoCallsOfOneFunction_HaveNamesOfTheirOwn()
    {
        // The caller's names are those that the function uses within, and the other way round.
        var model = Graph(Function(
            "affine", "x y", "t", [], Nodes.Make("Mul", ["x", "y"], ["a"], "first"), Nodes.Make("Add", ["a", "x"], ["t"], "second")))
            .Input("x", 4).Input("a", 4).Node("Neg", "x", "t")
            .Call("affine", "t a", "y").Call("affine", "y x", "z").Output("z").Model;

        var result = SameAnswers(model);

        Assert.Equal(["Neg", "Mul", "Add", "Mul", "Add"], result.Model.Graph.Node.Select(static node => node.OpType));
        Assert.Equal(
            ["n_t", "n_y/first", "n_y/second", "n_z/first", "n_z/second"], result.Model.Graph.Node.Select(static node => node.Name));
        Assert.Empty(result.Model.Functions);
        Assert.DoesNotContain(result.Model.OpsetImport, static import => import.Domain == Domain);
        Assert.Contains("Put the nodes of the model's own functions in the place of 2 calls of them.", result.Steps);
    }

    [Fact]
    public void Run_FunctionWithinAFunction_IsInlinedToo()
    {
        var model = Graph(
                Function("inner", "x", "y", [], Nodes.Make("Sigmoid", ["x"], ["y"], "")),
                Function("outer", "x", "y", [], Call("inner", "x", "a"), Call("inner", "a", "b"), Nodes.Make("Mul", ["a", "b"], ["y"], "")))
            .Input("x", 4).Call("outer", "x", "y").Output("y").Model;

        Assert.Equal(["Sigmoid", "Sigmoid", "Mul"], SameAnswers(model).Model.Graph.Node.Select(static node => node.OpType));
    }

    [Fact]
    public void Run_AttributesByReference_AreTheCallersElseTheDefaultElseNone()
    {
        var leaky = Nodes.Make("LeakyRelu", ["x"], ["a"], "", Reference("alpha", "slope"));
        var elu = Nodes.Make("Elu", ["a"], ["b"], "", Reference("alpha", "steepness"));
        var hard = Nodes.Make("HardSigmoid", ["b"], ["y"], "", Reference("alpha", "unset"));
        var function = Function("activate", "x", "y", ["slope", "unset"], leaky, elu, hard);
        function.AttributeProto.Add(Nodes.Float("steepness", 0.25f));
        var model = Graph(function).Input("x", 16).Call("activate", "x", "m", Nodes.Float("slope", 0.5f))
            .Call(
                "activate", "m", "y", Nodes.Float("slope", -0.125f), Nodes.Float("steepness", 3),
                Nodes.Float("unset", 0.75f)).Output("y").Model;

        var nodes = SameAnswers(model).Model.Graph.Node;

        Assert.Equal([0.5f, 0.25f, float.NaN, -0.125f, 3, 0.75f], nodes.Select(static node => Nodes.Float(node, "alpha", float.NaN)));
        Assert.All(nodes.SelectMany(static node => node.Attribute), static attribute => Assert.Equal("", attribute.RefAttrName));
    }

    [Fact]
    public void Run_OptionalInputsAndOutputsThatAreNotGiven_StayAway()
    {
        var function = Function(
            "clip", "x low high", "y m", [], Nodes.Make("Clip", ["x", "low", "high"], ["y"], ""), Nodes.Make("Neg", ["x"], ["m"], ""));
        var model = Graph(function).Input(
            "x", 8).Scalar("half", 0.5f).Call("clip", "x _ half", "a _").Call("clip", "a", "_ y").Output("y").Model;

        var clips = SameAnswers(model).Model.Graph.Node.Where(static node => node.OpType == "Clip").ToList();

        Assert.Equal(["x", "", "half"], Assert.Single(clips).Input);
    }

    [Fact]
    public void Run_OutputThatIsAnInput_IsPassedOn()
    {
        var model = Graph(Function(
            "pass", "x", "x y", [],
            Nodes.Make("Neg", ["x"], ["y"], ""))).Input("x", 4).Call("pass", "x", "a b").Output("a").Output("b").Model;

        // ONNX Runtime refuses the model as it is; what it means is not in doubt.
        var result = Preprocessor.Run(model, NoRuntime);

        using var session = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var inputs = ModelRuns.RandomInputs(session, 3);
        Assert.NotEqual(ModelRuns.Run(session, inputs)[0], ModelRuns.Run(session, inputs)[1]);
    }

    [Fact]
    public void Run_SubgraphsInTheFunctionAndAroundTheCall_KeepTheirMeaning()
    {
        // The function's branches read its input and a value of its own, under names that the caller has too.
        var choose = Nodes.Make(
            "If", ["flag"], ["y"], "", Branch("then_branch", Nodes.Make("Add", ["x", "a"], ["r"], "")),
            Branch("else_branch", Nodes.Make("Sub", ["x", "a"], ["r"], "")));
        var function = Function("choose", "x flag", "y", [], Nodes.Make("Exp", ["x"], ["a"], ""), choose);
        var graph = Graph(function).Input("a", 4).Weight(TensorData.Make("yes", DataType.Bool, [1], []))
            .Weight(TensorData.Make("no", DataType.Bool, [0], []))
            .Call("choose", "a no", "x");
        graph.Node(
            "If", "yes", "y", Branch("then_branch", Call("choose", "x yes", "r")),
            Branch("else_branch", Nodes.Make("Neg", ["x"], ["r"], ""))).Output("y");

        var result = SameAnswers(graph.Model);

        Assert.Equal(
            4, Graphs.Of(result.Model).Skip(1).Count(static inner => inner.Node.All(static node => node.OpType is "Add" or "Sub")));
        Assert.DoesNotContain(Graphs.Of(result.Model).SelectMany(static inner => inner.Node), static node => node.Domain == Domain);
    }

    [Fact]
    public void Run_GraphGivenAsAnAttribute_KeepsTheCallersNames()
    {
        var choose = Nodes.Make(
            "If", ["flag"], ["y"], "", ByReference("then_branch", "body", AttributeType.Graph),
            Branch("else_branch", Nodes.Make("Neg", ["x"], ["r"], "")));
        var function = Function("choose", "x flag", "y", ["body"], choose);
        var body = Branch("body", Nodes.Make("Exp", ["x"], ["r"], ""));
        var model = Graph(function).Input(
            "x",
            4).Weight(TensorData.Make(
                "yes", DataType.Bool, [1], [])).Node("Neg", "x", "n").Call("choose", "n yes", "y", body).Output("y").Model;

        var result = Preprocessor.Run(model, NoRuntime);

        var (then, otherwise) =
            (Nodes.Find(result.Model.Graph.Node[1], "then_branch")!.G, Nodes.Find(result.Model.Graph.Node[1], "else_branch")!.G);
        Assert.Equal(("x", "n"), (then.Node[0].Input[0], otherwise.Node[0].Input[0]));
        GraphSession.Open(OnnxFile.ToBytes(result.Model)).Dispose();
    }

    [Fact]
    public void Run_OldOperatorSet_IsRaisedBehindTheFunctions()
    {
        var clip = Nodes.Make("Clip", ["x"], ["y"], "", Reference("max", "most"), Nodes.Float("min", 0));
        var model = Graph(
            9,
            Function(
                9, "clip", "x", "y", ["most"], clip)).Input("x", 8).Call("clip", "x", "y", Nodes.Float("most", 0.5f)).Output("y").Model;

        var result = SameAnswers(model);

        Assert.Equal(13, Graphs.OpsetOf(result.Model));
        Assert.Equal(3, Assert.Single(result.Model.Graph.Node).Input.Count);
    }

    [Fact]
    public void Run_FunctionOfAnotherOperatorSet_StaysAndIsRefusedWhereItWouldHaveToBeRaised()
    {
        var neg = Nodes.Make("Neg", ["x"], ["y"], "");
        var left = Preprocessor.Run(
            Graph(13, Function(15, "neg", "x", "y", [], neg)).Input("x", 2).Call("neg", "x", "y").Output("y").Model, NoRuntime);
        Assert.Single(left.Model.Functions);
        Assert.Contains(
            "Left 1 functions of the model as they are: 'neg' means operator set 15 of 'ai.onnx', and the model 13.", left.Steps);

        var exception = Assert.Throws<QuantizationException>(() =>
            Preprocessor.Run(
                Graph(11, Function(12, "neg", "x", "y", [], neg)).Input("x", 2).Call("neg", "x", "y").Output("y").Model, NoRuntime));
        Assert.Equal(QuantizationFailure.UnsupportedOpset, exception.Failure);
        Assert.Contains("'neg' means operator set 12 of 'ai.onnx', and the model 11", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "may stand for an operator of the same name")]
    [InlineData("com.microsoft", "may stand for an operator of the same name")]
    public void Run_FunctionInTheDomainOfOperators_Stays(string domain, string reason)
    {
        var function = Function("Gelu2", "x", "y", [], Nodes.Make("Neg", ["x"], ["y"], ""));
        function.Domain = domain;
        var result = Preprocessor.Run(Graph(function).Input("x", 2).Node("Relu", "x", "y").Output("y").Model, NoRuntime);
        Assert.Single(result.Model.Functions);
        Assert.Contains(reason, Assert.Single(result.Steps), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_FunctionThatCallsItself_IsRefused()
    {
        var model = Graph(
            Function("a", "x", "y", [], Call("b", "x", "y")),
            Function("b", "x", "y", [], Call("a", "x", "y"))).Input("x", 2).Call("a", "x", "y").Output("y").Model;
        var exception = Assert.Throws<QuantizationException>(() => Preprocessor.Run(model, NoRuntime));
        Assert.Equal(QuantizationFailure.Unreadable, exception.Failure);
        Assert.Contains("'a' calls itself", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_FunctionsThatDoubleEachOther_AreRefusedBeforeTheyFillTheMemory()
    {
        FunctionProto[] functions = [.. Enumerable.Range(0, 40).Select(static i => i == 0
            ? Function("f0", "x", "y", [], Nodes.Make("Neg", ["x"], ["y"], ""))
            : Function($"f{i}", "x", "y", [], Call($"f{i - 1}", "x", "a"), Call($"f{i - 1}", "a", "y")))];
        var exception = Assert.Throws<QuantizationException>(() =>
            Preprocessor.Run(Graph(functions).Input("x", 2).Call("f39", "x", "y").Output("y").Model, NoRuntime));
        Assert.Equal(QuantizationFailure.TooLarge, exception.Failure);
    }

    [Fact]
    public void Run_FunctionsWithinFunctionsWithoutEnd_AreRefused()
    {
        FunctionProto[] functions = [.. Enumerable.Range(0, 100)
            .Select(static i =>
                Function($"f{i}", "x", "y", [], i == 0 ? Nodes.Make("Neg", ["x"], ["y"], "") : Call($"f{i - 1}", "x", "y")))];
        var exception = Assert.Throws<QuantizationException>(() =>
            Preprocessor.Run(Graph(functions).Input("x", 2).Call("f99", "x", "y").Output("y").Model, NoRuntime));
        Assert.Contains("within more than 64 others", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_MatrixProductsInAFunction_AreQuantized()
    {
        using var folder = new TemporaryFolder();
        var weights = new float[256 * 256];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = MathF.Sin(i) / 16;
        var model = Graph(Function(
            "layer", "x w", "y", [], Nodes.Make("MatMul", ["x", "w"], ["a"], "product"), Nodes.Make("Relu", ["a"], ["y"], "")))
            .Input(
                "x", -1,
                256).Weight(TensorData.Make("w1", weights, 256, 256)).Weight(TensorData.Make("w2", weights.Reverse().ToArray(), 256, 256))
            .Call("layer", "x w1", "m").Call("layer", "m w2", "y").Output("y").Model;
        folder.Write("m.onnx", OnnxFile.ToBytes(model));
        var samples = Enumerable.Range(0, 8)
            .Select(static seed => PredictionInputs.Row([.. Enumerable.Range(0, 256).Select(i => MathF.Cos((i * 31) + seed))]));

        var report = await OnnxQuantizer.QuantizeAsync(folder["m.onnx"], folder["q.onnx"],
            new QuantizationOptions
            {
                Gate = new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null, MinSnrDb = null },
            }.CalibrateWith(samples), TestContext.Current.CancellationToken);

        Assert.Equal(QuantizationMethod.Static, report.Method);
        Assert.Equal(
            ["n_m/product", "n_y/product"],
            report.Nodes.Where(static node => node is { IsQuantized: true, OpType: "MatMul" }).Select(static node => node.Node));
    }

    private static PreprocessingResult SameAnswers(ModelProto model)
    {
        var before = model.Clone();
        var result = Preprocessor.Run(model, NoRuntime);
        Assert.Equal(before, model);
        Assert.Equal(OnnxFile.ToBytes(result.Model), OnnxFile.ToBytes(Preprocessor.Run(model, NoRuntime).Model));
        using var expected = GraphSession.Open(OnnxFile.ToBytes(model));
        using var actual = GraphSession.Open(OnnxFile.ToBytes(result.Model));
        var inputs = ModelRuns.RandomInputs(expected, 3);
        Assert.Equal(ModelRuns.Run(expected, inputs), ModelRuns.Run(actual, inputs));
        return result;
    }

    private static FunctionGraph Graph(params FunctionProto[] functions) => Graph(13, functions);

    private static FunctionGraph Graph(long opset, params FunctionProto[] functions) => new(opset, functions);

    private static FunctionProto Function(string name, string inputs, string outputs, string[] attributes, params NodeProto[] nodes) =>
        Function(13, name, inputs, outputs, attributes, nodes);

    private static FunctionProto Function(
        long opset, string name, string inputs, string outputs, string[] attributes, params NodeProto[] nodes)
    {
        var function = new FunctionProto { Domain = Domain, Name = name };
        function.Input.Add(inputs.Split(' '));
        function.Output.Add(outputs.Split(' '));
        function.Attribute.Add(attributes);
        function.Node.Add(nodes);
        function.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        function.OpsetImport.Add(new OperatorSetIdProto { Domain = Domain, Version = 1 });
        return function;
    }

    private static NodeProto Call(string function, string inputs, string outputs)
    {
        var node = Nodes.Make(function, inputs.Split(' '), outputs.Split(' '), "");
        node.Domain = Domain;
        return node;
    }

    private static AttributeProto Reference(string name, string attribute) => ByReference(name, attribute, AttributeType.Float);

    private static AttributeProto ByReference(string name, string attribute, AttributeType type) =>
        new() { Name = name, RefAttrName = attribute, Type = type };

    private static AttributeProto Branch(string name, NodeProto node)
    {
        var graph = new GraphProto { Name = name };
        graph.Node.Add(node);
        graph.Output.Add(TestGraph.Value("r", DataType.Float, 4));
        return new() { Name = name, Type = AttributeType.Graph, G = graph };
    }

    /// <summary>A graph that calls functions.</summary>
    private sealed class FunctionGraph
    {
        private readonly TestGraph _graph;

        public FunctionGraph(long opset, FunctionProto[] functions)
        {
            _graph = new(opset, irVersion: 8);
            _graph.Model.Functions.Add(functions);
            _graph.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = Domain, Version = 1 });
        }

        public ModelProto Model => _graph.Model;

        public FunctionGraph Input(string name, params ReadOnlySpan<long> shape) => Do(_graph.Input(name, shape));

        public FunctionGraph Output(string name) => Do(_graph.Output(name));

        public FunctionGraph Weight(TensorProto tensor) => Do(_graph.Weight(tensor));

        public FunctionGraph Scalar(string name, float value) => Do(_graph.Scalar(name, value));

        public FunctionGraph Node(string operation, string inputs, string outputs, params ReadOnlySpan<AttributeProto> attributes) =>
            Do(_graph.Node(operation, inputs, outputs, attributes));

        public FunctionGraph Call(string function, string inputs, string outputs, params ReadOnlySpan<AttributeProto> attributes)
        {
            _graph.Node(function, inputs, outputs, attributes);
            var node = Model.Graph.Node[^1];
            node.Domain = Domain;
            for (var i = 0; i < node.Output.Count; i++)
            {
                if (node.Output[i] == "_") node.Output[i] = "";
            }

            return this;
        }

        private FunctionGraph Do(TestGraph graph)
        {
            Assert.Same(_graph, graph);
            return this;
        }
    }
}
