using MlServe.TestModels;

namespace MlServe.ChildProcess.Guests;

internal static class Models
{
    /// <summary>y[N, 1] = the sum of x[N, 3].</summary>
    public static byte[] Sum { get; } = new OnnxModel()
        .Input("x", OnnxModel.Float, "N", 3)
        .Output("y", OnnxModel.Float, "N", 1)
        .Initializer("w", [1f, 1f, 1f], 3, 1)
        .Node("MatMul", ["x", "w"], ["y"])
        .ToBytes();

    /// <summary>Answers the same row differently each time.</summary>
    public static byte[] Varying { get; } = new OnnxModel()
        .Input("x", OnnxModel.Float, "N", 3)
        .Output("y", OnnxModel.Float, "N", 3)
        .Node("RandomNormalLike", ["x"], ["noise"])
        .Node("Add", ["x", "noise"], ["y"])
        .ToBytes();

    /// <summary>Its rows depend on each other.</summary>
    public static byte[] Mixing { get; } = new OnnxModel()
        .Input("x", OnnxModel.Float, "N", 3)
        .Output("y", OnnxModel.Float, "N", 3)
        .Node("Softmax", ["x"], ["y"], ("axis", 0L))
        .ToBytes();

    /// <summary>Opens, and fails at every row.</summary>
    public static byte[] Failing { get; } = new OnnxModel()
        .Input("x", OnnxModel.Float, "N", 3)
        .Output("y", OnnxModel.Float, "A", "B")
        .Initializer("parts", [11L, -1L], 2)
        .Node("Concat", ["x", "x"], ["xx"], ("axis", 1L))
        .Node("Reshape", ["xx", "parts"], ["y"])
        .ToBytes();

    /// <summary>Of another shape, so that it cannot stand in for the sum.</summary>
    public static byte[] Other { get; } = OnnxModel.Mlp(1, 4, 3);
}
