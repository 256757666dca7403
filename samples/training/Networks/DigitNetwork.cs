using MlServe.Samples.Training.Onnx;
using static TorchSharp.torch;

namespace MlServe.Samples.Training.Networks;

/// <summary>A network from images of shape [batch, 1, 28, 28] to logits of shape [batch, 10].</summary>
internal abstract class DigitNetwork(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>Adds the nodes from <see cref="OnnxGraph.Image"/> to <see cref="OnnxGraph.Logits"/>.</summary>
    public abstract void Export(OnnxGraph graph);
}
