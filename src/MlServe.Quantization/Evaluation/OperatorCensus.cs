using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Evaluation;

/// <summary>The places of the FP32 weights of a model.</summary>
internal sealed record OperatorCensus(long Convolutions, long Matrices, long Lstms, long Others)
{
    public long Total => Convolutions + Matrices + Lstms + Others;

    /// <summary>Those of all graphs, subgraphs included.</summary>
    public static OperatorCensus Of(ModelProto model) => Of(Graphs.Of(model));

    /// <summary>Those of the main graph alone.</summary>
    public static OperatorCensus OfMain(ModelProto model) => Of([model.Graph]);

    private static OperatorCensus Of(IEnumerable<GraphProto> graphs)
    {
        long convolutions = 0, matrices = 0, lstms = 0, others = 0;
        foreach (var graph in graphs)
        {
            var index = new GraphIndex(graph);
            foreach (var node in graph.Node)
            {
                if (!Nodes.IsStandard(node) && node.OpType is not ("Attention" or "FusedMatMul" or "FusedGemm" or "FusedConv")) continue;
                var weights = node.Input.Sum(input => WeightsOf(index, input));
                switch (node.OpType)
                {
                    case "Conv" or "ConvTranspose" or "FusedConv":
                        convolutions += weights;
                        break;
                    case "MatMul" or "Gemm" or "FusedMatMul" or "FusedGemm" or "Attention":
                        matrices += weights;
                        break;
                    case "LSTM":
                        lstms += weights;
                        break;
                    case "GRU" or "RNN" or "Gather":
                        others += weights;
                        break;
                }
            }
        }

        return new(convolutions, matrices, lstms, others);
    }

    /// <summary>Elements of a constant of two axes or more: the gain from a vector is not worth it.</summary>
    private static long WeightsOf(GraphIndex index, string input)
    {
        if (input.Length == 0) return 0;
        var tensor = index.ConstantOf(input)
            ?? (index.ProducerOf(input) is { OpType: "Constant" } constant ? Nodes.Find(constant, "value")?.T : null);
        return tensor is { Dims.Count: >= 2 } && TensorData.TypeOf(tensor) == DataType.Float ? TensorData.CountOf(tensor) : 0;
    }
}
