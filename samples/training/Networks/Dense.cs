using MlServe.Samples.Training.Onnx;
using TorchSharp.Modules;

namespace MlServe.Samples.Training.Networks;

internal static class Dense
{
    /// <summary>Adds a dense layer; LibTorch keeps its weight as [outputs, inputs], hence transB.</summary>
    public static string Export(OnnxGraph graph, string name, string input, Linear layer, string output)
    {
        var weight = graph.Constant($"{name}.weight", layer.weight!);
        var bias = graph.Constant($"{name}.bias", layer.bias!);
        return graph.Node("Gemm", output, [input, weight, bias], OnnxGraph.Int("transB", 1));
    }
}
