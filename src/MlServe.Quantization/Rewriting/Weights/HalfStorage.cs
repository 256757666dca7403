using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MlServe.Quantization.Model;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>Floats of 16 bits and a Cast, which ONNX Runtime folds when it loads the model.</summary>
internal sealed class HalfStorage(ModelRewrite rewrite) : IWeightStorage
{
    private const float Largest = 65504;
    private const long Float = 1;
    private const long NodesAndNames = 90;

    public long BytesOf(Weight weight, WeightAxes axes) => (weight.Count * 2) + NodesAndNames;

    public string? Store(Weight weight, WeightAxes axes, out string reason)
    {
        reason = "";
        var values = TensorData.Floats(weight.Tensor);
        var magnitude = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        if (!float.IsFinite(magnitude)) reason = "its weights are not all finite numbers";
        else if (magnitude > Largest) reason = $"its weights reach {magnitude}, and a 16-bit float {Largest}";
        if (reason.Length > 0) return null;

        var halves = new Half[values.Length];
        TensorPrimitives.ConvertToHalf(values, halves);
        var bytes = MemoryMarshal.AsBytes(halves.AsSpan());
        if (!BitConverter.IsLittleEndian)
        {
            foreach (ref var bits in MemoryMarshal.Cast<byte, ushort>(bytes))
                bits = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(bits);
        }

        var (stored, result) = (rewrite.Names.Next("w"), rewrite.Names.Next("f"));
        weight.Owner.Graph.Initializer.Add(TensorData.Make(stored, DataType.Float16, bytes, [.. weight.Tensor.Dims]));
        rewrite.AddFirst(weight.Owner, Nodes.Make("Cast", [stored], [result], "", Nodes.Int("to", Float)));
        return result;
    }
}
