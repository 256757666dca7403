using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Runtime;

/// <summary>Reads back what ONNX Runtime makes of a model.</summary>
internal static class OptimizedModel
{
    /// <summary>
    /// The model with its operators fused, and without what only suits this processor: integer operators in place of QuantizeLinear and
    /// DequantizeLinear.
    /// </summary>
    public static ModelProto Fused(ModelProto model) => Optimize(OnnxFile.ToBytes(model), GraphOptimizationLevel.ORT_ENABLE_EXTENDED);

    /// <summary>The model after the runtime's optimizations of a level.</summary>
    public static ModelProto Optimize(byte[] model, GraphOptimizationLevel level)
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            GraphSession.Open(model, level, path, what: "The quantized model").Dispose();
            return ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
