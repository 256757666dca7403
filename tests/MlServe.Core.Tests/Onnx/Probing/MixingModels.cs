using MlServe.Tensors;

namespace MlServe.Onnx.Probing;

/// <summary>Models whose rows reach each other's answers, a way of mixing each, and models whose rows do not.</summary>
internal static class MixingModels
{
    public static readonly Dictionary<string, Func<TinyOnnx>> Mixing = new()
    {
        ["less the mean"] = () => Rows().Node("ReduceMean", "x", "m", TinyOnnx.Ints("axes", 0)).Node("Sub", "x m", "y"),
        ["less the mean, seen through a sigmoid that hides it"] = () => Rows().Node("ReduceMean", "x", "m", TinyOnnx.Ints("axes", 0))
            .Node("Sub", "x m", "d")
            .Weight("minus", [-11f]).Node("Add", "d minus", "z").Node("Sigmoid", "z", "y"),
        ["scaled by the largest of all rows"] = () => Rows().Weight("one", [1f]).Node("Abs", "x", "a")
            .Node("ReduceMax", "a", "m", TinyOnnx.Int("keepdims", 0))
            .Node("Max", "m one", "s").Node("Div", "x s", "y"),
        ["scaled where one is larger than 1"] = () => When("ReduceMax", "Greater", 1f),
        ["scaled where one is larger than 1000"] = () => When("ReduceMax", "Greater", 1e3f),
        ["scaled where one is below -100"] = () => When("ReduceMin", "Less", -100f),
        ["scaled where all are larger than 10"] = () => When("ReduceMin", "Greater", 10f),
        ["scaled where all are smaller than a thousandth"] = () => When("ReduceMax", "Less", 1e-3f),
        ["scaled where one element of one row is large"] = () => Rows().Weight("t", [5e4f]).Weight("two", [2f]).Weight("start", [2L], 1)
            .Weight("end", [3L], 1).Weight("axis", [1L], 1)
            .Node("Slice", "x start end axis", "e").Node("ReduceMax", "e", "m", TinyOnnx.Int("keepdims", 0)).Node("Greater", "m t", "c")
            .Node("Mul", "x two", "d").Node("Where", "c d x", "y"),
        ["a softmax over the rows"] = () => Rows().Node("Softmax", "x", "y", TinyOnnx.Int("axis", 0)),
        ["a running sum over the rows"] = () => Rows().Weight("axis", [0L]).Node("CumSum", "x axis", "y"),
        ["a running sum along an axis that all rows share"] = () => Rows().Input("axis", ElementType.Int64).Node("CumSum", "x axis", "y"),
        ["times the number of rows"] = () => Rows()
            .Node("Shape", "x", "s")
            .Weight("first", [0L], 1)
            .Node("Gather", "s first", "n")
            .Node("Cast", "n", "f", TinyOnnx.Int("to", 1))
            .Node("Mul", "x f", "y"),
        ["plus a little of the first row"] = () => Rows()
            .Weight("first", [0L], 1)
            .Weight("less", [1e-3f])
            .Node("Gather", "x first", "f")
            .Node("Mul", "f less", "g")
            .Node("Add", "x g", "y"),
        ["a thousandth of the mean, before a large constant"] = () => Rows().Weight("much", [1000f]).Weight("less", [1e-3f])
            .Node("ReduceMean", "x", "m", TinyOnnx.Ints("axes", 0))
            .Node("Mul", "m less", "g").Node("Add", "x g", "h").Node("Add", "h much", "y"),
        ["the rows in reverse"] = () => Rows()
            .Weight("start", [-1L], 1)
            .Weight("end", [long.MinValue], 1)
            .Weight("axis", [0L], 1)
            .Weight("step", [-1L], 1)
            .Node("Slice", "x start end axis step", "y"),
        ["the rows sorted"] = () => Rows()
            .Node("Shape", "x", "s")
            .Weight("first", [0L], 1)
            .Node("Gather", "s first", "n")
            .Node("TopK", "x n", "y i", TinyOnnx.Int("axis", 0)),
        ["tokens that attend to each other, and no batch axis"] = () => new TinyOnnx().Input("x", ElementType.Int64, "tokens")
            .Weight("t", Numbers(64), 16, 4)
            .Node("Gather", "t x", "e").Node("Transpose", "e", "u").Node("MatMul", "e u", "a").Node("Softmax", "a", "p")
            .Node("MatMul", "p e", "y").Output("y", ElementType.Float, "tokens", 4),
        ["integers, scaled where one is larger than 1000"] = () => WhenInteger("ReduceMax", "Greater", 1e3f, ElementType.Int64),
        ["integers, scaled where one is below -10000"] = () => WhenInteger("ReduceMin", "Less", -1e4f, ElementType.Int32),
        ["bytes, scaled where one is larger than 100"] = () => WhenInteger("ReduceMax", "Greater", 100f, ElementType.UInt8),
        ["integers that are compared with 500 before they are joined"] = () => Integers(ElementType.Int64).Weight("t", [500L])
            .Weight("two", [2f]).Node("Greater", "x t", "g").Node("Cast", "g", "l", TinyOnnx.Int("to", 1))
            .Node("ReduceMax", "l", "m", TinyOnnx.Int("keepdims", 0)).Node("Cast", "x", "f", TinyOnnx.Int("to", 1))
            .Node("Mul", "m two", "d").Node("Add", "f d", "y"),
        ["8 bits by the range of all rows"] = () => Rows()
            .Node("DynamicQuantizeLinear", "x", "q s z")
            .Node("DequantizeLinear", "q s z", "y"),
    };

    /// <summary>What mixes rows and does not show it, because answers are alike or nothing finite.</summary>
    public static readonly Dictionary<string, Func<TinyOnnx>> Hiding = new()
    {
        ["nothing but zeros"] = () => Rows()
            .Weight("much", [-1e30f])
            .Node("ReduceMax", "x", "m", TinyOnnx.Int("keepdims", 0))
            .Node("Add", "x m", "a")
            .Node("Add", "a much", "b")
            .Node("Relu", "b", "y"),
        ["nothing but NaN"] = () => Rows()
            .Weight("much", [-1e30f])
            .Node("ReduceMax", "x", "m", TinyOnnx.Int("keepdims", 0))
            .Node("Add", "x m", "a")
            .Node("Add", "a much", "b")
            .Node("Log", "b", "y"),
        ["one label for all"] = () => Rows().Weight("w", [.. Enumerable.Range(0, 4).Select(static i => i == 0 ? 1e30f : 0f)], 4)
            .Node("Abs", "x", "a").Weight("one", [1f]).Node("Add", "a one", "b")
            .Node("Mul", "b w", "c").Node("ArgMax", "c", "y", TinyOnnx.Int("axis", 1), TinyOnnx.Int("keepdims", 1)),
    };

    public static readonly Dictionary<string, Func<TinyOnnx>> Apart = new()
    {
        ["twice"] = () => Rows().Weight("two", [2f]).Node("Mul", "x two", "y"),
        ["a layer"] = () => Rows().Weight("w", Numbers(16), 4, 4).Node("MatMul", "x w", "h").Node("Tanh", "h", "y"),
        ["a softmax along the row"] = () => Rows().Node("Softmax", "x", "y", TinyOnnx.Int("axis", 1)),
        ["a running sum along the row"] = () => Rows().Weight("axis", [1L]).Node("CumSum", "x axis", "y"),
        ["scaled by its own largest"] = () => Rows()
            .Node("Abs", "x", "a")
            .Node("ReduceMax", "a", "m", TinyOnnx.Ints("axes", 1))
            .Weight("one", [1f])
            .Node("Max", "m one", "s")
            .Node("Div", "x s", "y"),
        ["ids of a small table"] = () => new TinyOnnx().Input("x", ElementType.Int64, "N", 3)
            .Weight("t", Numbers(8), 2, 4)
            .Node("Gather", "t x", "y")
            .Output("y", ElementType.Float, "N", 3, 4),
        ["a number that all rows share"] = () => Rows().Input("factor", ElementType.Float).Node("Mul", "x factor", "y"),
        ["rows on the second axis"] = () => TinyModels.OnAxis(1),
        ["integers as numbers"] = () => Integers(ElementType.Int64)
            .Weight("w", Numbers(16), 4, 4)
            .Node("Cast", "x", "f", TinyOnnx.Int("to", 1))
            .Node("MatMul", "f w", "h")
            .Node("Softsign", "h", "y"),
        ["labels"] = () => Rows().Node("ArgMax", "x", "y", TinyOnnx.Int("axis", 1), TinyOnnx.Int("keepdims", 1)),
    };

    public static TinyOnnx With(Func<TinyOnnx> make, string name)
    {
        var model = make();
        return name is "ids of a small table" or "rows on the second axis" or "tokens that attend to each other, and no batch axis"
            ? model
            : model.OutputOfAnyShape("y", name.Contains("label", StringComparison.Ordinal) ? ElementType.Int64 : ElementType.Float);
    }

    private static TinyOnnx Rows() => new TinyOnnx().Input("x", ElementType.Float, "N", 4);

    private static TinyOnnx Integers(ElementType type) => new TinyOnnx().Input("x", type, "N", 4);

    private static TinyOnnx WhenInteger(string reduction, string comparison, float threshold, ElementType type) =>
        Integers(type).Weight("t", [threshold]).Weight("two", [2f])
            .Node("Cast", "x", "f", TinyOnnx.Int("to", 1)).Node(reduction, "f", "m", TinyOnnx.Int("keepdims", 0))
            .Node(comparison, "m t", "c").Node("Mul", "f two", "d").Node("Where", "c d f", "y");

    private static TinyOnnx When(string reduction, string comparison, float threshold) =>
        Rows().Weight("t", [threshold]).Weight("two", [2f])
            .Node(reduction, "x", "m", TinyOnnx.Int("keepdims", 0)).Node(comparison, "m t", "c").Node("Mul", "x two", "d")
            .Node("Where", "c d x", "y");

    private static float[] Numbers(int count)
    {
        var random = new Random(3);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
    }
}
