using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Makes a model ready to be quantized. The model given is not changed.</summary>
internal static class Preprocessor
{
    public static PreprocessingResult Run(ModelProto model, PreprocessingOptions options) => new(model.Clone(), []);
}
