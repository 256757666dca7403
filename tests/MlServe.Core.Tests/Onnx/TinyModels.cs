using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Small models with answers that are easy to foresee.</summary>
internal static class TinyModels
{
    /// <summary>y = 2x + 1 on [N, width]: the answer tells which row was asked.</summary>
    public static TinyOnnx Affine(long width = 4) => new TinyOnnx()
        .Input("x", ElementType.Float, "N", width)
        .Weight("two", [2f])
        .Weight("one", [1f])
        .Node("Mul", "x two", "doubled")
        .Node("Add", "doubled one", "y")
        .Output("y", ElementType.Float, "N", width);

    /// <summary>The same for one row at a time: no axis is free.</summary>
    public static TinyOnnx FixedAffine(long width = 4) => new TinyOnnx()
        .Input("x", ElementType.Float, 1, width)
        .Weight("two", [2f])
        .Weight("one", [1f])
        .Node("Mul", "x two", "doubled")
        .Node("Add", "doubled one", "y")
        .Output("y", ElementType.Float, 1, width);

    /// <summary>y = 2x + 1 on [N, T].</summary>
    public static TinyOnnx FreeLength() => new TinyOnnx()
        .Input("x", ElementType.Float, "N", "T")
        .Weight("two", [2f])
        .Weight("one", [1f])
        .Node("Mul", "x two", "doubled")
        .Node("Add", "doubled one", "y")
        .Output("y", ElementType.Float, "N", "T");

    /// <summary>sum = a + b on [N, 3] and [N, 3], and product = a * b.</summary>
    public static TinyOnnx TwoInputs() => new TinyOnnx()
        .Input("a", ElementType.Float, "N", 3)
        .Input("b", ElementType.Float, "N", 3)
        .Node("Add", "a b", "sum")
        .Node("Mul", "a b", "product")
        .Output("sum", ElementType.Float, "N", 3)
        .Output("product", ElementType.Float, "N", 3);

    public static TinyOnnx Identity(ElementType type, params object?[] dimensions) => new TinyOnnx()
        .Input("x", type, dimensions)
        .Node("Identity", "x", "y")
        .Output("y", type, dimensions);

    /// <summary>y = 2x with the rows on a given axis of three.</summary>
    public static TinyOnnx OnAxis(int axis) => new TinyOnnx()
        .Input("x", ElementType.Float, Around(axis))
        .Weight("two", [2f])
        .Node("Mul", "x two", "y")
        .Output("y", ElementType.Float, Around(axis));

    /// <summary>A chain of so many products of 256 x 256: long, and made of many operators between which a run can be stopped.</summary>
    public static TinyOnnx Chain(int length)
    {
        const int width = 256;
        var weights = new float[width * width];
        for (var i = 0; i < width; i++)
            weights[(i * width) + ((i + 1) % width)] = 1;

        // A cycle of names would be no graph; the weights rotate a row by one place and change no number.
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", width).Weight("w", weights, width, width);
        for (var i = 0; i < length; i++)
            model.Node("MatMul", $"{(i == 0 ? "x" : $"h{i}")} w", i == length - 1 ? "y" : $"h{i + 1}");
        return model.Output("y", ElementType.Float, "N", width);
    }

    /// <summary>The places of the elements that are not zero: how many answers there are depends on the data.</summary>
    public static TinyOnnx NonZero() => new TinyOnnx()
        .Input("x", ElementType.Float, 6)
        .Node("NonZero", "x", "y")
        .Output("y", ElementType.Int64, 1, null);

    private static object?[] Around(int axis) => [.. new object?[] { 3, 4 }.Take(axis), "N", .. new object?[] { 3, 4 }.Skip(axis)];
}
