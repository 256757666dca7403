using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// Lets ONNX Runtime simplify a model without changing what its operators are: constants and batch normalization are folded.
/// </summary>
internal static class GraphOptimizer
{
    public static ModelProto Simplify(ModelProto model)
    {
        var folder = Directory.CreateTempSubdirectory("mlserve-");
        try
        {
            var path = Path.Combine(folder.FullName, "simplified.onnx");
            GraphSession.Open(OnnxFile.ToBytes(model), GraphOptimizationLevel.ORT_ENABLE_BASIC, path).Dispose();
            return ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new QuantizationException(QuantizationFailure.Other,
                $"Constants are folded by way of a file in '{folder.FullName}', which failed: {exception.Message} Free the disk, or set "
                    + "another folder for temporary files.", exception);
        }
        finally
        {
            TemporaryFolders.TryDelete(folder);
        }
    }
}
