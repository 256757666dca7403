using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Docs;

/// <summary>A model that adds three numbers.</summary>
internal static class SumModel
{
    public static byte[] Bytes(float factor = 1) => new OnnxModel()
        .Input("x", OnnxModel.Float, "N", 3).Output("y", OnnxModel.Float, "N", 1)
        .Initializer("w", [factor, factor, factor], 3, 1)
        .Node("MatMul", ["x", "w"], ["y"]).ToBytes();

    public static OnnxPredictor Load() =>
        OnnxPredictor.LoadAsync(ModelSource.FromBytes(Bytes())).AsTask().GetAwaiter().GetResult();

    public static PredictionInputs Row(float value) => PredictionInputs.Row([value, value, value]);
}
