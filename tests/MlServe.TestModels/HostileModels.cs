using static MlServe.TestModels.GraphWriter;

namespace MlServe.TestModels;

/// <summary>Small files that ask for more time or memory than there is. All take <c>x: float[batch, 4]</c> and give <c>y</c>.</summary>
public static class HostileModels
{
    private const long Billion = 1_000_000_000;

    /// <summary>Those whose file alone tells what they ask for, by name.</summary>
    public static IReadOnlyDictionary<string, byte[]> Bounded { get; } = new Dictionary<string, byte[]>
    {
        ["functions that call others"] = Functions(8, 10),
        ["function that calls itself"] = Model(Graph(Call("F", "x", "y")), functions: Function("F", Call("F", "x", "y"))),
        ["functions that call each other"] = Model(
            Graph(Call("F", "x", "y")), functions: [Function("F", Call("G", "x", "y")), Function("G", Call("F", "x", "y"))]),
        ["functions within a loop's body"] = FunctionsInBody(),
        ["loop of many trips"] = Loop(Billion, isConditional: false, Node("Identity", "c", "co")),
        ["loop of trips that are computed"] = ComputedLoop(),
        ["loop within a loop"] = NestedLoops(100_000),
        ["loop that nothing ends"] = Loop(null, isConditional: true, Node("Identity", "c", "co")),
        ["loop whose condition is a constant"] = Loop(
            null, isConditional: false, Node("Constant", "", "co", Tensor("value", new OnnxWriter().Integer(2, 9).Integer(5, 1)))),
        ["loop to the largest number"] = Loop(long.MaxValue, isConditional: true, Node("Or", "c c", "co")),
        ["loop that doubles a value"] = GrowingLoop(40, Node("Concat", "s s", "so", Int("axis", 0))),
        ["loop that appends to a value"] = GrowingLoop(999_999, Node("Concat", "s s0", "so", Int("axis", 0))),
        ["loop that grows a number"] = NumberLoop(),
        ["loop that gathers what it makes"] = GatheringLoop(),
        ["Expand"] = Sized(Node("Expand", "one n", "big"), Longs("n", Billion * 2)),
        ["Expand of a computed shape"] = ComputedExpand(),
        ["Expand by floating-point numbers"] = FloatExpand(),
        ["Expand in a function"] = Model(Graph(Call("F", "x", "y")), functions: Function("F",
            Node("Constant", "", "n", Tensor("value", LongTensor("", [1], [Billion * 2]))),
            Node("Constant", "", "one", Tensor("value", Floats("", [1], 1).Item2)),
            Node("Expand", "one n", "big"), Node("ReduceMax", "big", "m", Int("keepdims", 0)), Node("Add", "x m", "y"))),
        ["Expand in a branch"] = Branch(),
        ["Expand of what is asked"] = Model(Graph(
            Longs("n", 200_000_000, 1, 1), Node("Expand", "x n", "big"), Node("ReduceMax", "big", "m", Int("keepdims", 0)),
            Node("Add", "x m", "y"))),
        ["many Expands"] = ManyExpands(),
        ["Tile"] = Sized(Node("Tile", "one n", "big"), Longs("n", Billion * 2)),
        ["ConstantOfShape"] = Sized(Node("ConstantOfShape", "n", "big"), Longs("n", 50_000, 50_000)),
        ["Range"] = Sized(Node("Range", "zero n step", "big"), Floats("zero", [], 0), Floats("n", [], 2e9f), Floats("step", [], 1)),
        ["Pad"] = Sized(Node("Pad", "one n", "big"), Longs("n", 0, Billion * 2)),
        ["Resize by scales"] = Sized(
            Node("Resize", "image - scales", "big"), Floats("image", [1, 1, 1, 1], 1), Floats("scales", [4], 1, 1, 50_000, 50_000)),
        ["Resize to sizes"] = Sized(
            Node("Resize", "image - - n", "big"), Floats("image", [1, 1, 1, 1], 1), Longs("n", 1, 1, 50_000, 50_000)),
        ["Upsample"] = Model(
            Summed(Node("Upsample", "image scales", "big"), Floats("image", [1, 1, 1, 1], 1), Floats("scales", [4], 1, 1, 50_000, 50_000)),
            opset: 9),
        ["OneHot"] = Sized(Node("OneHot", "i n values", "big"), Longs("i", 0, 1), Long("n", Billion), Floats("values", [2], 0, 1)),
        ["EyeLike"] = Sized(
            Node("ConstantOfShape", "n", "bytes", Tensor("value", new OnnxWriter().Integer(1, 1).Integer(2, 2).Integer(5, 0))),
            Node("EyeLike", "bytes", "big", Int("dtype", 1)), Longs("n", 30_000, 30_000)),
        ["RandomNormal"] = Sized(Node("RandomNormal", "", "big", Ints("shape", 50_000, 50_000))),
        ["RandomUniform"] = Sized(Node("RandomUniform", "", "big", Ints("shape", Billion, 4))),
        ["Multinomial"] = Sized(
            Node("Multinomial", "x", "samples", Int("sample_size", Billion)), Node("Cast", "samples", "big", Int("to", 1))),
        ["Concat of the same again and again"] = Doubled(),
        ["MatMul of a column and a row"] = Sized(
            Node("ConstantOfShape", "c", "column"), Node("ConstantOfShape", "r", "row"), Node("MatMul", "column row", "big"),
            Longs("c", 50_000, 1), Longs("r", 1, 50_000)),
        ["Add of a column and a row"] = Sized(
            Node("ConstantOfShape", "c", "column"), Node("ConstantOfShape", "r", "row"), Node("Add", "column row", "big"),
            Longs("c", 50_000, 1), Longs("r", 1, 50_000)),
        ["Einsum of a column and a row"] = Sized(
            Node("ConstantOfShape", "n", "a"), Node("Einsum", "a a", "big", Text("equation", "i,j->ij")), Longs("n", 50_000)),
        ["Gather of many"] = Sized(
            Node("ConstantOfShape", "r", "row"), Node("ConstantOfShape", "n", "i", Tensor("value", LongTensor("", [1], [0]))),
            Node("Gather", "row i", "big", Int("axis", 0)), Longs("r", 1, 10_000), Longs("n", 100_000)),
        ["ConvTranspose"] = Sized(
            Node("ConvTranspose", "image w", "big", Ints("strides", 50_000, 50_000)), Floats("image", [1, 1, 2, 2], 1, 2, 3, 4),
            Floats("w", [1, 1, 1, 1], 1)),
        ["ConvTranspose to a shape"] = Sized(
            Node("ConvTranspose", "image w", "big", Ints("output_shape", 50_000, 50_000)), Floats("image", [1, 1, 2, 2], 1, 2, 3, 4),
            Floats("w", [1, 1, 2, 2], 1, 2, 3, 4)),
        ["Conv with pads"] = Sized(
            Node("Conv", "image w", "big", Ints("pads", 0, 0, 50_000, 50_000)), Floats("image", [1, 1, 1, 1], 1),
            Floats("w", [1, 1, 1, 1], 1)),
        ["HannWindow"] = Sized(Node("HannWindow", "n", "big"), Long("n", Billion)),
        ["MelWeightMatrix"] = Sized(
            Node("MelWeightMatrix", "n n rate low high", "big"), Long("n", 50_000), Long("rate", 8192), Floats("low", [], 0),
            Floats("high", [], 4096)),
        ["DFT"] = Sized(Node("DFT", "signal n", "big", Int("axis", 1)), Floats("signal", [1, 2, 1], 1, 2), Long("n", Billion)),
        ["MaxUnpool"] = Sized(
            Node("MaxUnpool", "image i n", "big", Ints("kernel_shape", 1, 1)), Floats("image", [1, 1, 1, 1], 1),
            (5, LongTensor("i", [1, 1, 1, 1], [0])), Longs("n", 1, 1, 50_000, 50_000)),
        ["RoiAlign"] = Sized(
            Node("RoiAlign", "image roi i", "big", Int("output_height", 50_000), Int("output_width", 50_000)),
            Floats("image", [1, 1, 2, 2], 1, 2, 3, 4), Floats("roi", [1, 4], 0, 0, 1, 1), Longs("i", 0)),
        ["sparse initializer"] = Model(Summed((15,
            new OnnxWriter().Message(1, Floats("big", [1], 1).Item2).Message(2, LongTensor("", [1], [0])).Integer(3, Billion * 2)))),
        ["sparse constant"] = Model(Summed(Node("Constant", "", "big",
            new OnnxWriter().Text(1, "sparse_value")
                .Message(
                    22, new OnnxWriter().Message(1, Floats("", [1], 1).Item2).Message(2, LongTensor("", [1], [0])).Integer(3, Billion * 2))
                .Integer(20, 11)))),
        ["initializer that claims more than it has"] = Model(Summed(Floats("big", [Billion * 2], 1))),
    };

    /// <summary>
    /// A loop that never ends, by a condition that depends on the data: nothing but running it shows that. It can be told to stop.
    /// </summary>
    public static byte[] EndlessLoop() => Model(Graph(
        Truth("t", true), Floats("zero", [], 0),
        Node(
            "Loop", "- t x", "y",
            Body(
                "body",
                LoopBody(
                    Float,
                    [Node("Neg", "s", "so"), Node("Abs", "s", "a"), Node("ReduceSum", "a", "m", Int("keepdims", 0)),
                        Node("GreaterOrEqual", "m zero", "co")])))));

    /// <summary>Makes a value of eight gigabytes, of a size that is computed of the request: nothing but running it shows that.</summary>
    public static byte[] HiddenExpand() => Model(Graph(
        Floats("one", [1], 1), Floats("zero", [1], 0), Floats("size", [1], 2e9f),
        Node("ReduceMax", "x", "a", Int("keepdims", 0)), Node("Mul", "a zero", "b"), Node("Add", "b size", "s"),
        Node("Cast", "s", "n", Int("to", 7)), Node("Expand", "one n", "big"), Node("ReduceMax", "big", "m", Int("keepdims", 0)),
        Node("Add", "x m", "y")));

    /// <summary>
    /// Divides the smallest integer by -1 whatever is asked, by numbers that are computed of the request: the processor traps.
    /// </summary>
    public static byte[] HiddenTrap() => Model(Graph(
        (5, LongTensor("smallest", [1], [long.MinValue])), Longs("one", 1),
        Node("ReduceMax", "x", "a", Int("keepdims", 0)), Node("Abs", "a", "b"), Node("Neg", "b", "c"),
        Node("Cast", "one", "o", Int("to", 1)), Node("Sub", "c o", "d"), Node("Sign", "d", "e"),
        Node("Cast", "e", "minus", Int("to", 7)), Node("Div", "smallest minus", "q"), Node("Cast", "q", "f", Int("to", 1)),
        Node("Add", "x f", "y")));

    /// <summary>
    /// A single operator that compares each of many boxes with each other one: it works for minutes, does not look at whether it should
    /// stop, and takes little memory. How much it gives nobody knows before, so that the runtime does not make a constant of it when it
    /// opens the model, though nothing in it comes from the request.
    /// </summary>
    public static byte[] LongOperator(int boxes = 400_000) => Model(Graph(
        Longs("b", 1, boxes, 4), Longs("s", 1, 1, boxes), Long("most", boxes), Floats("iou", [], 1), Floats("score", [], -1),
        Node("ConstantOfShape", "b", "boxes"), Node("ConstantOfShape", "s", "scores"),
        Node("NonMaxSuppression", "boxes scores most iou score", "picked"), Node("Cast", "picked", "f", Int("to", 1)),
        Node("ReduceMax", "f", "m", Int("keepdims", 0)), Node("Add", "x m", "y")));

    /// <summary>
    /// The same with an operator that the runtime makes a constant of, when it opens the model: a window of millions of places that is
    /// moved over as many.
    /// </summary>
    public static byte[] LongConstant(int places = 1 << 22) => Model(Graph(
        Longs("v", 1, 1, places), Node("ConstantOfShape", "v", "values"),
        Node("LpPool", "values", "pooled", Ints("kernel_shape", places / 2)), Node("ReduceMax", "pooled", "m", Int("keepdims", 0)),
        Node("Add", "x m", "y")));

    private static byte[] Functions(int depth, int calls)
    {
        var functions = new OnnxWriter[depth];
        for (var level = 0; level < depth; level++)
        {
            var nodes = new (int, OnnxWriter)[calls];
            for (var i = 0; i < calls; i++)
            {
                var (from, to) = (i == 0 ? "x" : $"t{i}", i == calls - 1 ? "y" : $"t{i + 1}");
                nodes[i] = level == 0 ? Node("Neg", from, to) : Call($"F{level - 1}", from, to);
            }

            functions[level] = Function($"F{level}", nodes);
        }

        return Model(Graph(Call($"F{depth - 1}", "x", "y")), functions: functions);
    }

    private static byte[] FunctionsInBody()
    {
        // Each function calls the next from within a loop's body, ten times.
        var functions = new OnnxWriter[8];
        for (var level = 0; level < functions.Length; level++)
        {
            var calls = new (int, OnnxWriter)[11];
            for (var i = 0; i < 10; i++)
            {
                var (from, to) = (i == 0 ? "s" : $"t{i}", i == 9 ? "so" : $"t{i + 1}");
                calls[i] = level == 0 ? Node("Neg", from, to) : Call($"F{level - 1}", from, to);
            }

            calls[10] = Node("Identity", "c", "co");
            functions[level] = Function(
                $"F{level}", Node("Constant", "", "n", Tensor("value", LongTensor("", [], [1]))),
                Node("Loop", "n - x", "y", Body("body", LoopBody(Float, calls))));
        }

        return Model(Graph(Call("F7", "x", "y")), functions: functions);
    }

    private static OnnxWriter Function(string name, params (int, OnnxWriter Part)[] nodes)
    {
        var function = new OnnxWriter().Text(1, name).Text(4, "x").Text(5, "y");
        foreach (var (_, node) in nodes)
            function.Message(7, node);
        return function.Message(9, new OnnxWriter().Text(1, "").Integer(2, 17))
            .Message(9, new OnnxWriter().Text(1, "f").Integer(2, 1))
            .Text(10, "f");
    }

    private static byte[] Loop(long? trips, bool isConditional, (int, OnnxWriter) condition) => Model(Graph(
        Long("n", trips ?? 0), Truth("t", true),
        Node(
            "Loop", $"{(trips is null ? "-" : "n")} {(isConditional ? "t" : "-")} x", "y",
            Body("body", LoopBody(Float, [condition, Node("Neg", "s", "so")])))));

    private static byte[] ComputedLoop() => Model(Graph(
        Long("thousand", 1000), Long("million", 1_000_000), Node("Mul", "thousand million", "n"),
        Node("Loop", "n - x", "y", Body("body", LoopBody(Float, [Node("Identity", "c", "co"), Node("Neg", "s", "so")])))));

    private static byte[] NestedLoops(long trips)
    {
        var inner = Body("body", LoopBody(Float, [Node("Identity", "c", "co"), Node("Neg", "s", "so")]));
        return Model(Graph(
            Long("n", trips),
            Node("Loop", "n - x", "y", Body("body", LoopBody(Float, [Node("Identity", "c", "co"), Node("Loop", "n - s", "so", inner)])))));
    }

    private static byte[] GrowingLoop(long trips, (int, OnnxWriter) growth) => Model(Graph(
        Long("n", trips), Floats("s0", [4], 1, 2, 3, 4), Longs("big", 1_000_000), Node("Expand", "one big", "s0big"), Floats("one", [1], 1),
        Node("Loop", $"n - {(trips > 1000 ? "s0big" : "s0")}", "r",
            Body(
                "body",
                LoopBody(Float, [Node("Identity", "c", "co"), trips > 1000 ? Node("Concat", "s s0big", "so", Int("axis", 0)) : growth]))),
        Node("ReduceMax", "r", "m", Int("keepdims", 0)), Node("Add", "x m", "y")));

    private static byte[] NumberLoop() => Model(Graph(
        Long("n", 30), Longs("start", 1), Longs("ten", 10), Floats("one", [1], 1),
        Node("Loop", "n - start", "r more", Body("body", LoopBody(OnnxModel.Int64,
            [Node("Identity", "c", "co"), Node("Mul", "s ten", "so"), Node("Expand", "one s", "e"),
                Node("ReduceMax", "e", "g", Int("keepdims", 0))], "g"))),
        Node("ReduceMax", "more", "m", Int("keepdims", 0)), Node("Add", "x m", "y")));

    private static byte[] GatheringLoop() => Model(Graph(
        Long("n", 1_000_000), Longs("size", 1_000), Floats("one", [1], 1), Node("Expand", "one size", "row"),
        Node(
            "Loop", "n - x", "r all",
            Body("body", LoopBody(Float, [Node("Identity", "c", "co"), Node("Neg", "s", "so"), Node("Neg", "row", "g")], "g"))),
        Node("ReduceMax", "all", "m", Int("keepdims", 0)), Node("Add", "r m", "y")));

    private static byte[] ComputedExpand() => Model(Summed(
        Floats("one", [1], 1), Longs("i", 1), Longs("large", 500_000_000), Longs("part", 1),
        Node("Shape", "x", "shape"), Node("Gather", "shape i", "four"), Node("Mul", "four large", "product"),
        Node("Concat", "part product", "n", Int("axis", 0)), Node("Expand", "one n", "big")));

    private static byte[] FloatExpand() => Model(Summed(
        Floats("one", [1], 1), Floats("f", [1], 44721.5f), Floats("two", [], 2), Node("Pow", "f two", "p"), Node("Floor", "p", "q"),
        Node("Cast", "q", "n", Int("to", 7)), Node("Expand", "one n", "big")));

    private static byte[] Branch()
    {
        var yes = new OnnxWriter().Message(1, Node("Expand", "one n", "e").Item2)
            .Message(1, Node("ReduceMax", "e", "o", Int("keepdims", 0)).Item2)
            .Text(2, "yes")
            .Message(12, Value("o", Float));
        var no = new OnnxWriter().Message(1, Node("Identity", "one", "o2").Item2).Text(2, "no").Message(12, Value("o2", Float));
        return Model(Graph(
            Longs("n", Billion * 2), Floats("one", [1], 1), Truth("t", false),
            Node("If", "t", "m", Body("then_branch", yes), Body("else_branch", no)), Node("Add", "x m", "y")));
    }

    private static byte[] ManyExpands()
    {
        // Each for itself is allowed.
        var parts = new List<(int, OnnxWriter)> { Floats("one", [1], 1), Longs("n", 200_000_000) };
        for (var i = 0; i < 20; i++)
        {
            parts.Add(Longs($"one{i}", i));
            parts.Add(Node("Cast", $"one{i}", $"f{i}", Int("to", 1)));
            parts.Add(Node("Expand", $"f{i} n", $"e{i}"));
        }

        parts.Add(Node("Max", string.Join(' ', Enumerable.Range(0, 20).Select(static i => $"e{i}")), "big"));
        return Model(Summed([.. parts]));
    }

    private static byte[] Doubled()
    {
        var parts = new List<(int, OnnxWriter)> { Floats("d0", [4], 1, 2, 3, 4) };
        for (var i = 0; i < 31; i++)
            parts.Add(Node("Concat", $"d{i} d{i}", i == 30 ? "big" : $"d{i + 1}", Int("axis", 0)));
        return Model(Summed([.. parts]));
    }

    private static byte[] Sized(params (int, OnnxWriter)[] parts) => Model(Summed([.. parts, Floats("one", [1], 1)]));

    /// <summary>A graph that adds the largest element of <c>big</c> to its input.</summary>
    private static OnnxWriter Summed(params (int, OnnxWriter)[] parts) =>
        Graph([.. parts, Node("Cast", "big", "floats", Int("to", 1)), Node("ReduceMax", "floats", "m", Int("keepdims", 0)),
            Node("Add", "x m", "y")]);
}
