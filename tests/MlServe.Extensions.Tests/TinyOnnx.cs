using MlServe.TestModels;

namespace MlServe;

/// <summary>The one small model of these tests.</summary>
internal static class TinyOnnx
{
    /// <summary>y[N, 1] = weight · (x[N, 3] summed over the row) + bias.</summary>
    public static byte[] WeightedSum(float weight = 1, float bias = 0) => new OnnxModel()
        .Input("x", OnnxModel.Float, "N", 3)
        .Output("y", OnnxModel.Float, "N", 1)
        .Initializer("w", [weight, weight, weight], 3, 1)
        .Initializer("b", [bias], 1)
        .Node("MatMul", ["x", "w"], ["product"])
        .Node("Add", ["product", "b"], ["y"])
        .ToBytes();
}
