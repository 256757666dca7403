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

    /// <summary>Of another shape, so that it cannot stand in for the sum.</summary>
    public static byte[] Other { get; } = OnnxModel.Mlp(1, 4, 3);
}
