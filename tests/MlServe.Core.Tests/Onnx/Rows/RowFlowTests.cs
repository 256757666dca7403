using System.Diagnostics;
using MlServe.Onnx.Graphs;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Onnx.Rows;

/// <summary>
/// What the rules of rows are careful about, one small model each. Operators as such are held against the runtime in the conformance tests.
/// </summary>
public sealed class RowFlowTests
{
    private const int Float = OnnxModel.Float, Int64 = OnnxModel.Int64;

    [Fact]
    public void Follow_AnEffectThatReachesNoOutput_DoesNotCount() =>
        Proves(Rows()
            .Node("ReduceMean", ["x"], ["m"], ("axes", new long[] { 0 }))
            .Node("Sub", ["x", "m"], ["d"])
            .Node("Relu", ["x"], ["y"])
            .Output("y", Float, "n", 4));

    [Fact]
    public void Follow_AReductionOverTheBatch_NamesTheNode()
    {
        var proof = Follow(Rows()
            .Node("ReduceMax", ["x"], ["m"], ("keepdims", 0))
            .Node("Div", ["x", "m"], ["y"])
            .Output("y", Float, "n", 4));
        Assert.Equal(RowIndependence.Disproved, proof.Verdict);
        Assert.Equal("ReduceMax", proof.Node);
        Assert.Equal("ReduceMax goes over the axis of the rows", proof.Reason);
        Assert.Equal([null], proof.OutputAxes);
    }

    [Fact]
    public void Follow_AMeanOfTheBatchUnderAThreshold_IsDisprovedAllTheSame() =>
        Disproves(
            Rows().Initializer("one", [1f]).Node("Abs", ["x"], ["a"]).Node("ReduceMax", ["a"], ["m"], ("keepdims", 0))
            .Node("Max", ["m", "one"], ["s"])
            .Node("Div", ["x", "s"], ["y"]).Output("y", Float, "n", 4), "goes over the axis of the rows");

    [Theory]
    [InlineData(12, 1, true)]
    [InlineData(12, 0, false)]
    [InlineData(12, -1, true)]
    [InlineData(13, 0, false)]
    [InlineData(13, -2, false)]
    [InlineData(13, 1, true)]
    public void Follow_Softmax_TakesTheAxesThatTheOperatorSetSays(long opset, long axis, bool isProved)
    {
        var model = Rows(opset).Node("Softmax", ["x"], ["y"], ("axis", axis)).Output("y", Float, "n", 4);
        if (isProved) Proves(model);
        else Disproves(model, "normalizes over the axis of the rows");
    }

    [Fact]
    public void Follow_SoftmaxBefore13OverInnerAxes_TakesThemTogether() =>
        // With axis 1 of [1, n, 4], as old operator sets have it by default, n and 4 are normalized together.
        Disproves(
            Rows(12).Initializer("a", [1L, -1, 4], 3).Node("Reshape", ["x", "a"], ["r"]).Node("Softmax", ["r"], ["s"])
            .Initializer("b", [-1L, 4], 2)
            .Node("Reshape", ["s", "b"], ["y"]).Output("y", Float, "n", 4), "normalizes over");

    [Fact]
    public void Follow_TheNumberOfRowsAsData_IsDisproved()
    {
        foreach (var (operation, constant) in ((string, float)[])[("Div", 1), ("Greater", 3), ("Mod", 2)])
        {
            var model = Rows().Initializer("zero", [0L]).Node("Shape", ["x"], ["s"]).Node("Gather", ["s", "zero"], ["n"], ("axis", 0))
                .Node("Cast", ["n"], ["f"], ("to", Float))
                .Initializer("c", [constant])
                .Node(operation, operation == "Mod" ? ["f", "c"] : ["c", "f"], ["d"], operation == "Mod" ? [("fmod", 1)] : [])
                .Node("Cast", ["d"], ["e"], ("to", Float)).Node("Mul", ["x", "e"], ["y"]).Output("y", Float, "n", 4);
            Disproves(model, "takes the number of rows in the batch as data");
        }
    }

    [Fact]
    public void Follow_TheNumberOfRowsAsTheAnswer_IsDisproved() =>
        Disproves(Rows().Node("Shape", ["x"], ["y"]).Output("y", Int64, 2), "follows from the number of rows");

    [Fact]
    public void Follow_OtherSizesAsData_AreHarmless() =>
        Proves(Rows().Initializer("one", [1L]).Node("Shape", ["x"], ["s"]).Node("Gather", ["s", "one"], ["n"], ("axis", 0))
            .Node("Cast", ["n"], ["f"], ("to", Float))
            .Node("Div", ["x", "f"], ["y"]).Output("y", Float, "n", 4));

    /// <summary>As PyTorch expands: sizes of -1 are put in by comparing.</summary>
    [Fact]
    public void Follow_SizesThatAreChosenByComparing_AreSeenThrough() =>
        Proves(Rows().Initializer("w", [1f, 2, 3, 4], 1, 4).Node("Shape", ["x"], ["s"]).Node("Shape", ["s"], ["k"])
            .Node("ConstantOfShape", ["k"], ["ones"], ("value", OnnxModel.Value([1L], 1))).Initializer("minus", [-1L], 1)
            .Node("Mul", ["ones", "minus"], ["open"])
            .Node("Equal", ["s", "open"], ["is"]).Node("Where", ["is", "ones", "s"], ["t"]).Node("Expand", ["w", "t"], ["e"])
            .Node("Add", ["x", "e"], ["y"]).Output("y", Float, "n", 4));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Follow_FoldedRows_ComeBack(bool isTimeFirst)
    {
        // [n, t, 4] to [n·t, 4] and back, or [t, n, 4] to [t·n, 4] and back, with both sizes read while the model runs.
        var model = new OnnxModel().Input("x", Float, isTimeFirst ? ["t", "n", 4] : ["n", "t", 4]).Output("y", Float, "a", "b", 4)
            .Initializer("flat", [-1L, 4], 2).Node("Reshape", ["x", "flat"], ["f"]).Node("Relu", ["f"], ["r"]).Node("Shape", ["x"], ["s"])
            .Node("Reshape", ["r", "s"], ["y"]);
        Assert.Equal([isTimeFirst ? 1 : 0], Proves(model, isTimeFirst ? 1 : 0).OutputAxes);
    }

    [Fact]
    public void Follow_RowsFoldedInOtherOrders_AreNotTakenForTheSame()
    {
        // One side has a row's elements together, the other has those of a time together.
        var model = new OnnxModel().Input("x", Float, 3, "n", 4).Output("y", Float, "a", 4)
            .Initializer("flat", [-1L, 4], 2).Node("Reshape", ["x", "flat"], ["f"])
            .Node("Transpose", ["x"], ["t"], ("perm", new long[] { 1, 0, 2 })).Node("Reshape", ["t", "flat"], ["g"])
            .Node("Add", ["f", "g"], ["y"]);
        var proof = Follow(model, 1);
        Assert.Equal(RowIndependence.Disproved, proof.Verdict);
        Assert.Contains("different orders", proof.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Follow_AShapeThatCutsThroughRows_IsForgivenIfItIsTakenBack()
    {
        OnnxModel Cut() => Rows().Initializer("cut", [2L, -1], 2).Node("Reshape", ["x", "cut"], ["c"]).Initializer("back", [-1L, 4], 2);
        Proves(Cut().Node("Reshape", ["c", "back"], ["y"]).Output("y", Float, "n", 4));
        Disproves(
            Cut().Node("Transpose", ["c"], ["t"]).Node("Reshape", ["t", "back"], ["y"]).Output("y", Float, "n", 4), "cuts through rows");
    }

    [Fact]
    public void Follow_AnOpenDimensionThatARowMayNotFill_IsLeftOpen()
    {
        // Alone, a row of an odd length is refused; two of them together are not, and their halves mix.
        var proof = Follow(new OnnxModel().Input("x", Float, "n", "t")
            .Output("y", Float, "a", 2)
            .Initializer("pairs", [-1L, 2], 2)
            .Node("Reshape", ["x", "pairs"], ["y"]));
        Assert.Equal(RowIndependence.Unknown, proof.Verdict);
    }

    [Fact]
    public void Follow_PlacesOfRows_FindTheirOwnRow()
    {
        // x[arange(n), argmax(x)], on x and on x folded flat.
        Proves(Places().Node("ArgMax", ["x"], ["best"], ("axis", 1L), ("keepdims", 0)).Node("Unsqueeze", ["best", "one"], ["b"])
            .Node("Concat", ["r", "b"], ["i"], ("axis", 1L))
            .Node("GatherND", ["x", "i"], ["y"]).Output("y", Float, "n"));
        Proves(Places().Node("ArgMax", ["x"], ["best"], ("axis", 1L), ("keepdims", 0)).Initializer("four", [4L])
            .Node("Mul", ["rows", "four"], ["begin"]).Node("Add", ["begin", "best"], ["i"])
            .Initializer("flat", [-1L], 1).Node("Reshape", ["x", "flat"], ["f"]).Node("Gather", ["f", "i"], ["y"], ("axis", 0))
            .Output("y", Float, "n"));
    }

    [Fact]
    public void Follow_PlacesThatMayBeThoseOfOtherRows_AreNotProved()
    {
        // An index that a request gives may be out of its row: alone an error, in company another's data.
        var model = Places().Input("j", Int64, "n").Initializer("four", [4L]).Node("Mul", ["rows", "four"], ["begin"])
            .Node("Add", ["begin", "j"], ["i"])
            .Initializer("flat", [-1L], 1).Node("Reshape", ["x", "flat"], ["f"]).Node("Gather", ["f", "i"], ["y"], ("axis", 0))
            .Output("y", Float, "n");
        Assert.NotEqual(RowIndependence.Proved, Follow(model, 0, 0).Verdict);
        Disproves(
            Places()
                .Node("Add", ["rows", "one"], ["next"])
                .Node("Mod", ["next", "n"], ["i"])
                .Node("Gather", ["x", "i"], ["y"], ("axis", 0))
                .Output("y", Float, "n", 4), "as data");
        Disproves(
            Places()
                .Initializer("table", new float[64], 16, 4)
                .Node("Gather", ["table", "rows"], ["p"], ("axis", 0))
                .Node("Add", ["x", "p"], ["y"])
                .Output("y", Float, "n", 4), "place of a row");
    }

    [Theory]
    [InlineData("constant", true)]
    [InlineData("input", false)]
    [InlineData("default", false)]
    public void Follow_AnAxisThatARequestGives_IsDisproved(string from, bool isProved)
    {
        var model = Rows();
        if (from != "constant") model.Input("axis", Int64);
        if (from != "input") model.Initializer("axis", [1L]);
        model.Node("CumSum", ["x", "axis"], ["y"]).Output("y", Float, "n", 4);
        if (isProved) Proves(model);
        else Disproves(model, "may name the axis of the rows");
    }

    [Theory]
    [InlineData("flag", true)]
    [InlineData("rows", false)]
    [InlineData("count", false)]
    [InlineData("width", true)]
    public void Follow_AChoice_AsksWhoDecides(string who, bool isProved)
    {
        var (yes, no) = (new OnnxModel().Node("Relu", ["x"], ["a"]).OutputOfAnyShape("a", Float),
            new OnnxModel().Node("Neg", ["x"], ["b"]).OutputOfAnyShape("b", Float));
        var model = Rows().Input("flag", OnnxModel.Bool).Initializer("zero", [0L]).Initializer("one", [1L]).Initializer("half", [0.5f])
            .Node("Shape", ["x"], ["s"])
            .Node("Gather", ["s", "zero"], ["n"], ("axis", 0)).Node("Gather", ["s", "one"], ["w"], ("axis", 0))
            .Node("Equal", ["n", "one"], ["count"]).Node("Equal", ["w", "one"], ["width"])
            .Node("ReduceMax", ["x"], ["m"], ("keepdims", 0)).Node("Greater", ["m", "half"], ["rows"])
            .Node("If", [who], ["y"], ("then_branch", yes), ("else_branch", no)).Output("y", Float, "n", 4);
        Assert.Equal(isProved ? RowIndependence.Proved : RowIndependence.Disproved, Follow(model).Verdict);
    }

    [Fact]
    public void Follow_ALoop_FollowsWhatItHandsOn()
    {
        OnnxModel Body(string operation, params (string, object)[] attributes) =>
            new OnnxModel().Input("i", Int64).Input("c", OnnxModel.Bool).InputOfAnyShape("s", Float)
                .Node("Identity", ["c"], ["c2"]).Node(operation, ["s"], ["t"], attributes).Output("c2", OnnxModel.Bool)
                .OutputOfAnyShape("t", Float);
        OnnxModel With(OnnxModel body) =>
            Rows().Initializer("times", [3L]).Node("Loop", ["times", "", "x"], ["y"], ("body", body)).Output("y", Float, "n", 4);
        Proves(With(Body("Tanh")));
        Disproves(With(Body("Softmax", ("axis", 0L))), "normalizes over");

        // From run to run the axes change places: what is followed settles on neither.
        Assert.NotEqual(RowIndependence.Proved, Follow(With(Body("Transpose"))).Verdict);
    }

    [Fact]
    public void Follow_AFunction_SeesItsAttributesAndItsOwnOperatorSet()
    {
        OnnxModel With(long axis, long opset) => Rows(13).Opset("own", 1)
            .Function(new OnnxFunction(
                "own", "Soft", ["a"], ["b"], ["axis"], opset).Node("Softmax", ["a"], ["b"], ("axis", new OnnxReference("axis", 2))))
            .NodeIn("own", "Soft", ["x"], ["y"], ("axis", axis)).Output("y", Float, "n", 4);
        Proves(With(1, 13));
        Disproves(With(0, 13), "normalizes over");

        // By the old set the axis of the rows stays out of it, by the new one too; but with three axes they would differ.
        Proves(With(1, 12));
        var three = Rows(13).Opset("own", 1).Initializer("a", [0L, 2, 2], 3).Node("Reshape", ["x", "a"], ["r"])
            .Node("Transpose", ["r"], ["t"], ("perm", new long[] { 1, 0, 2 }))
            .Function(new OnnxFunction("own", "Soft", ["a"], ["b"], [], 12).Node("Softmax", ["a"], ["b"], ("axis", 0L)))
            .NodeIn("own", "Soft", ["t"], ["y"]).Output("y", Float, 2, "n", 2);
        Assert.NotEqual(RowIndependence.Proved, Follow(three).Verdict);
    }

    [Fact]
    public void Follow_FunctionsThatCallEachOther_EndsInTime()
    {
        // Each calls the next twice: 2^40 nodes if they were all followed. And one that calls itself.
        var bomb = Rows().Opset("own", 1);
        for (var i = 0; i < 40; i++)
        {
            var function = new OnnxFunction("own", $"f{i}", ["a"], ["b"], []).Opset("own", 1);
            bomb.Function(i == 39
                ? function.Node("Relu", ["a"], ["b"])
                : function.NodeIn("own", $"f{i + 1}", ["a"], ["c"]).NodeIn("own", $"f{i + 1}", ["c"], ["b"]));
        }

        var watch = Stopwatch.StartNew();
        Assert.Contains(
            "nodes", Unknown(bomb.NodeIn("own", "f0", ["x"], ["y"]).Output("y", Float, "n", 4)).Reason, StringComparison.Ordinal);
        Assert.Contains(
            "deep",
            Unknown(Rows().Opset("own", 1)
            .Function(new OnnxFunction("own", "f", ["a"], ["b"], []).Opset("own", 1).NodeIn("own", "f", ["a"], ["b"]))
            .NodeIn("own", "f", ["x"], ["y"]).Output("y", Float, "n", 4)).Reason, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"It took {watch.Elapsed}.");
    }

    [Fact]
    public void Follow_ACancelledToken_Throws()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => RowFlow.Follow(OnnxGraph.Read(OnnxModel.Mlp(1, 4, 4)), [0], source.Token));
    }

    [Fact]
    public void Follow_DeclaredSizesThatPinTheBatch_LeaveItOpen()
    {
        // The runtime puts the declared 1 in place of what Shape gives, so that two rows become one.
        OnnxModel Pinned() =>
            Rows()
                .Node("Relu", ["x"], ["r"])
                .Declare("r", Float, 1, 4)
                .Node("Shape", ["r"], ["s"])
                .Node("Reshape", ["r", "s"], ["y"])
                .Output("y", Float, "n", 4);
        Assert.Contains("declares", Unknown(Pinned()).Reason, StringComparison.Ordinal);

        // An output that lies about its rows misleads nobody as long as no node takes it.
        Proves(Rows().Node("Relu", ["x"], ["y"]).Output("y", Float, 1, 4));
    }

    [Fact]
    public void Follow_ADeclaredSizeThatCannotBeTrue_LeavesItOpen() =>
        Assert.Contains(
            "declares",
            Unknown(Rows()
                .Node("Relu", ["x"], ["r"])
                .Declare("r", Float, "n", 5)
                .Node("Neg", ["r"], ["y"])
                .Output("y", Float, "n", 4)).Reason, StringComparison.Ordinal);

    [Fact]
    public void Follow_ModelsThatAreNotUnderstood_AreLeftOpen()
    {
        Unknown(Rows().Opset("mine", 1).NodeIn("mine", "Mystery", ["x"], ["y"]).Output("y", Float, "n", 4));
        Unknown(Rows().Opset("com.microsoft", 1).NodeIn("com.microsoft", "NewAttention", ["x"], ["y"]).Output("y", Float, "n", 4));
        Unknown(Rows().Node("Relu", ["x"], ["y"]).Node("Neg", ["x"], ["y"]).Output("y", Float, "n", 4));
        Unknown(Rows().Node("Add", ["x", "b"], ["a"]).Node("Neg", ["a"], ["b"]).Output("b", Float, "n", 4));
        Unknown(Rows().Opset("", 12).Node("Relu", ["x"], ["y"]).Output("y", Float, "n", 4));
        Unknown(Rows().Initializer("w", [1f, 2], 2).Node("Identity", ["w"], ["y"]).Output("y", Float, 2));
        Unknown(Rows()
            .Function(new OnnxFunction("", "Relu", ["a"], ["b"], []).Node("ReduceMean", ["a"], ["b"]))
            .Node("Relu", ["x"], ["y"])
            .Output("y", Float, "n", 4));
        Assert.Contains(
            "no input has rows", Follow(Rows().Node("Relu", ["x"], ["y"]).Output("y", Float, "n", 4), (int?)null).Reason,
            StringComparison.Ordinal);
        Assert.Contains(
            "free size", Follow(Rows().Node("Relu", ["x"], ["y"]).Output("y", Float, "n", 4), 1).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Follow_RandomOperators_AreDisproved()
    {
        Disproves(Rows().Node("RandomNormalLike", ["x"], ["r"]).Node("Add", ["x", "r"], ["y"]).Output("y", Float, "n", 4), "is random");
        Disproves(
            Rows()
                .Node("RandomUniform", [], ["r"], ("shape", new long[] { 1, 4 }))
                .Node("Add", ["x", "r"], ["y"])
                .Output("y", Float, "n", 4), "is random");
        Disproves(Rows().Node("Bernoulli", ["x"], ["y"]).Output("y", Float, "n", 4), "is random");
    }

    [Fact]
    public void Follow_ADynamicQuantization_IsDisprovedWithAllThatFollows() =>
        Disproves(
            Rows()
                .Node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
                .Node("DequantizeLinear", ["q", "s", "z"], ["d"])
                .Node("Relu", ["d"], ["y"])
                .Output("y", Float, "n", 4), "over the whole batch");

    [Fact]
    public void Follow_NonZero_IsLeftOpenButItsCountIsNot()
    {
        var places = Rows().Node("NonZero", ["x"], ["p"]);
        Unknown(places.Node("Transpose", ["p"], ["t"]).Node("GatherND", ["x", "t"], ["y"]).Output("y", Float, "n"));

        // x[x > 0] = 7, as PyTorch writes it: as many sevens as there are places.
        Unknown(Rows().Initializer("seven", [7f], 1).Node("NonZero", ["x"], ["p"]).Node("Transpose", ["p"], ["t"])
            .Node("Shape", ["t"], ["s"]).Initializer("zero", [0L], 1)
            .Node("Gather", ["s", "zero"], ["c"], ("axis", 0)).Node("Expand", ["seven", "c"], ["u"])
            .Node("ScatterND", ["x", "t", "u"], ["y"]).Output("y", Float, "n", 4));
        Disproves(
            Rows()
                .Node("NonZero", ["x"], ["p"])
                .Node("Size", ["p"], ["c"])
                .Node("Cast", ["c"], ["f"], ("to", Float))
                .Node("Mul", ["x", "f"], ["y"])
                .Output("y", Float, "n", 4), "counts what it finds");
    }

    /// <summary>How many were found, and what was found taken together, follow from all rows, however it is come by.</summary>
    [Fact]
    public void Follow_WhatWasFoundInAllRowsAsData_IsDisproved()
    {
        OnnxModel Found() =>
            Rows()
                .Node("NonZero", ["x"], ["p"])
                .Node("Transpose", ["p"], ["t"])
                .Initializer("one", [1L], 1)
                .Initializer("two", [2L], 1)
                .Initializer("zero", [0L], 1);
        RowProof Scaled(OnnxModel model, bool casts) =>
            Follow((casts ? model.Node("Cast", ["c"], ["f"], ("to", Float)) : model.Node("Identity", ["c"], ["f"]))
                .Node("Mul", ["x", "f"], ["y"])
                .Output("y", Float, "n", 4));
        OnnxModel[] counts =
        [
            Found().Node("Shape", ["p"], ["s"]).Node("Slice", ["s", "one", "two"], ["c"]),
            Found().Node("Shape", ["t"], ["s"]).Node("Gather", ["s", "zero"], ["c"]),
            Found().Node("Shape", ["t"], ["s"]).Node("Split", ["s"], ["c", "d"]),
            Found().Node("Shape", ["t"], ["s"]).Node("ReduceProd", ["s"], ["c"]),
            Found().Node("Shape", ["t"], ["s"]).Node("Slice", ["s", "zero", "one"], ["k"]).Node("Tile", ["k", "one"], ["c"]),
            Found().Node("Cast", ["p"], ["q"], ("to", OnnxModel.Int32)).Node("Size", ["q"], ["c"]),
        ];
        Assert.All(counts, model => Assert.Equal(RowIndependence.Disproved, Scaled(model, casts: true).Verdict));
        OnnxModel[] values =
        [
            Found().Node("GatherND", ["x", "t"], ["g"]).Node("ReduceSum", ["g"], ["c"]),
            Found()
                .Node("GatherND", ["x", "t"], ["g"])
                .Node("Unsqueeze", ["g", "zero"], ["u"])
                .Node("ReduceMax", ["u"], ["c"], ("keepdims", 0)),
        ];
        Assert.All(values, model => Assert.Equal(RowIndependence.Disproved, Scaled(model, casts: false).Verdict));

        // One number each, or so many as an axis has: not known.
        Assert.Equal(
            RowIndependence.Unknown,
            Scaled(
                Found().Node("GatherND", ["x", "t"], ["g"]).Node("ReduceSum", ["g", "zero"], ["c"], ("keepdims", 0)),
                casts: false).Verdict);
    }

    /// <summary>m: x, if the mask that writes into it keeps rows apart, which the graph does not tell.</summary>
    private static OnnxModel Doubtful() =>
        Rows().Initializer("none", Float, [], 0).Node("Less", ["x", "x"], ["l"]).Node("NonZero", ["l"], ["p"])
            .Node("Transpose", ["p"], ["t"])
            .Node("ScatterND", ["x", "t", "none"], ["m"]).Node("Shape", ["m"], ["size"]);

    [Fact]
    public void Follow_RowsInDoubt_StayInDoubtUntilTheyAreMixed()
    {
        Unknown(Doubtful().Node("Relu", ["m"], ["y"]).Output("y", Float, "n", 4));
        Disproves(Doubtful().Node("Softmax", ["m"], ["y"], ("axis", 0L)).Output("y", Float, "n", 4), "normalizes over");

        // A value that all rows share, and that may have several where it meets the axis of the rows.
        OnnxModel Joined() => Rows().Input("d", Float, "k", 4);
        UnknownOf(Joined().Node("Add", ["x", "d"], ["y"]).Output("y", Float, "n", 4));
        UnknownOf(Joined().Node("LayerNormalization", ["x", "d"], ["y"]).Output("y", Float, "n", 4));
        Assert.Equal(
            RowIndependence.Disproved,
            Follow(
                Joined().Node("Add", ["x", "d"], ["a"]).Node("Softmax", ["a"], ["y"], ("axis", 0L)).Output("y", Float, "n", 4), 0,
                null).Verdict);

        static void UnknownOf(OnnxModel model) => Assert.Equal(RowIndependence.Unknown, Follow(model, 0, null).Verdict);
    }

    [Fact]
    public void Follow_SizesOfRowsInDoubt_AreInDoubt()
    {
        Unknown(Doubtful().Node("ConstantOfShape", ["size"], ["y"]).Output("y", Float, "n", 4));
        Unknown(Doubtful().Node("Reshape", ["x", "size"], ["y"]).Output("y", Float, "n", 4));
        OnnxModel Width() => Doubtful().Initializer("one", [1L]).Initializer("three", [3L]).Node("Gather", ["size", "one"], ["w"]);
        Unknown(Width().Node("Cast", ["w"], ["f"], ("to", Float)).Node("Mul", ["x", "f"], ["y"]).Output("y", Float, "n", 4));

        // As what decides which way all rows take, and how often.
        OnnxModel Branch(string operation) => new OnnxModel().Node(operation, ["x"], [operation]).OutputOfAnyShape(operation, Float);
        Unknown(Width()
            .Node("Less", ["w", "three"], ["is"])
            .Node("If", ["is"], ["y"], ("then_branch", Branch("Relu")), ("else_branch", Branch("Neg")))
            .Output("y", Float, "n", 4));
        var body = new OnnxModel().Input("i", Int64).Input("c", OnnxModel.Bool).InputOfAnyShape("s", Float).Node("Less", ["i", "w"], ["c2"])
            .Node("Tanh", ["s"], ["s2"])
            .Output("c2", OnnxModel.Bool).OutputOfAnyShape("s2", Float);
        Unknown(Width().Node("Loop", ["three", "", "x"], ["y"], ("body", body)).Output("y", Float, "n", 4));
    }

    [Fact]
    public void Follow_ElementsOfASequenceInDoubt_AreInDoubt()
    {
        Unknown(Doubtful()
            .Initializer("zero", [0L])
            .Node("SequenceConstruct", ["x", "m"], ["q"])
            .Node("SequenceAt", ["q", "zero"], ["y"])
            .Output("y", Float, "n", 4));
        Unknown(Doubtful()
            .Node("SequenceConstruct", ["x", "m"], ["q"])
            .Node("ConcatFromSequence", ["q"], ["y"], ("axis", 1L))
            .Output("y", Float, "n", 8));
    }

    /// <summary>Folded the wrong way and back they are the same rows; if something is written in between, they are not.</summary>
    [Fact]
    public void Follow_WritingIntoWhatCutsThroughRows_IsNotTurnedBack()
    {
        OnnxModel Cut() =>
            Rows().Initializer("wrong", [4L, -1], 2).Initializer("right", [-1L, 4], 2).Node("Reshape", ["x", "wrong"], ["c"]);
        Proves(Cut().Node("Reshape", ["c", "right"], ["y"]).Output("y", Float, "n", 4));
        Disproves(
            Cut().Initializer("at", [0L, 0], 1, 2).Initializer("seven", [7f], 1).Node("ScatterND", ["c", "at", "seven"], ["d"])
            .Node("Reshape", ["d", "right"], ["y"])
            .Output("y", Float, "n", 4), "cuts through rows");
    }

    [Fact]
    public void Follow_PlacesThatAPoolTook_AreGivenBackToTheirRows()
    {
        OnnxModel Pool() =>
            new OnnxModel().Input("x", Float, "n", 2, 4, 4)
                .Node("MaxPool", ["x"], ["p", "i"], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));
        Proves(Pool()
            .Node("MaxUnpool", ["p", "i"], ["y"], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }))
            .Output("y", Float, "n", 2, 4, 4));
        Disproves(
            Pool().Node("Cast", ["i"], ["f"], ("to", Float)).Node("Mul", ["p", "f"], ["y"]).Output("y", Float, "n", 2, 2, 2),
            "place of a row");

        // Into a larger result, the places are those of other elements.
        Unknown(Pool()
            .Node("MaxUnpool", ["p", "i"], ["y"], ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 3, 3 }))
            .Output("y", Float, "n", 2, 6, 6));
    }

    [Fact]
    public void Follow_SeveralCauses_NamesOneThatIsCertain()
    {
        var proof = Follow(Rows()
            .Opset("mine", 1)
            .NodeIn("mine", "Mystery", ["x"], ["m"])
            .Node("CumSum", ["x", "zero"], ["c"])
            .Initializer("zero", [0L])
            .Node("Add", ["m", "c"], ["y"])
            .Output("y", Float, "n", 4));
        Assert.Equal((RowIndependence.Disproved, "CumSum"), (proof.Verdict, proof.Node));
    }

    private static OnnxModel Rows(long opset = 17) => new OnnxModel(opset).Input("x", Float, "n", 4);

    /// <summary>rows: 0, 1, 2 and so on; r: the same as a column; n: their number.</summary>
    private static OnnxModel Places() =>
        Rows().Initializer("zero", [0L]).Initializer("first", [0L], 1).Initializer("step", [1L]).Initializer("one", [1L], 1)
            .Node("Shape", ["x"], ["s"])
            .Node("Gather", ["s", "zero"], ["n"], ("axis", 0)).Node("Range", ["zero", "n", "step"], ["rows"])
            .Node("Unsqueeze", ["rows", "one"], ["r"]);

    private static RowProof Proves(OnnxModel model, params int?[] axes)
    {
        var proof = Follow(model, axes);
        Assert.Equal((RowIndependence.Proved, ""), (proof.Verdict, proof.Reason));
        Assert.Null(proof.Node);
        return proof;
    }

    private static void Disproves(OnnxModel model, string reason)
    {
        var proof = Follow(model);
        Assert.Equal((RowIndependence.Disproved, proof.Reason), (proof.Verdict, proof.Reason));
        Assert.Contains(reason, proof.Reason, StringComparison.Ordinal);
    }

    private static RowProof Unknown(OnnxModel model)
    {
        var proof = Follow(model);
        Assert.Equal((RowIndependence.Unknown, proof.Reason), (proof.Verdict, proof.Reason));
        return proof;
    }

    private static RowProof Follow(OnnxModel model, params int?[] axes) =>
        RowFlow.Follow(OnnxGraph.Read(model.ToBytes()), axes.Length == 0 ? [0] : axes, TestContext.Current.CancellationToken);
}
