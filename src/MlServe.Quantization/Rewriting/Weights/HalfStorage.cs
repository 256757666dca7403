using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MlServe.Quantization.Model;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>
/// Floats of 16 bits and a Cast, which ONNX Runtime folds when it loads the model. If weights are too small or too large for 16 bits, each
/// channel is stored times a power of two. A Mul takes it back, which is exact.
/// </summary>
internal sealed class HalfStorage(ModelRewrite rewrite) : IWeightStorage
{
    // What rounding may take from the squares of a channel: 50 dB. Where 16 bits suffice it takes a hundredth of that.
    private const double MaxLoss = 1e-5;
    private const int HighestExponent = 14;
    private const int LowestFloatExponent = -126;
    private const long Float = 1;
    private const long NodesAndNames = 90;

    public long BytesOf(Weight weight, WeightAxes axes) => (weight.Count * 2) + NodesAndNames;

    public string? Store(Weight weight, WeightAxes axes, out string reason)
    {
        reason = "";
        var values = TensorData.Floats(weight.Tensor);
        if (!float.IsFinite(TensorPrimitives.MaxMagnitude(values)))
        {
            reason = "its weights are not all finite numbers";
            return null;
        }

        var channels = new WeightChannels(weight.Tensor.Dims, axes);
        var halves = new Half[values.Length];
        TensorPrimitives.ConvertToHalf(values, halves);
        if (IsKept(values, halves, null, channels)) return Write(weight, halves, null, []);
        var factors = Factors(values, channels);
        var scaled = new float[values.Length];
        for (var i = 0; i < values.Length; i++)
            scaled[i] = values[i] / factors[channels.Of(i)];
        TensorPrimitives.ConvertToHalf(scaled, halves);
        if (IsKept(values, halves, factors, channels)) return Write(weight, halves, factors, axes.ScaleShape(weight.Tensor.Dims));
        reason = "its weights differ too much in size for 16-bit floats";
        return null;
    }

    /// <summary>Whether each channel is what it was, but for what 16 bits cannot tell apart.</summary>
    private static bool IsKept(float[] values, Half[] halves, float[]? factors, WeightChannels channels)
    {
        var (squares, losses) = (new double[channels.Count], new double[channels.Count]);
        for (var i = 0; i < values.Length; i++)
        {
            var channel = channels.Of(i);
            var loss = values[i] - ((double)halves[i] * (factors?[channel] ?? 1));
            squares[channel] += values[i] * (double)values[i];
            losses[channel] += loss * loss;
        }

        for (var channel = 0; channel < squares.Length; channel++)
        {
            if (!(losses[channel] <= MaxLoss * squares[channel])) return false;
        }

        return true;
    }

    private static float[] Factors(float[] values, WeightChannels channels)
    {
        var factors = new float[channels.Count];
        for (var i = 0; i < values.Length; i++)
            factors[channels.Of(i)] = Math.Max(factors[channels.Of(i)], Math.Abs(values[i]));
        for (var channel = 0; channel < factors.Length; channel++)
            factors[channel] = factors[channel] == 0
                ? 1
                : MathF.ScaleB(1, Math.Max(MathF.ILogB(factors[channel]) - HighestExponent, LowestFloatExponent));
        return factors;
    }

    private string Write(Weight weight, Half[] halves, float[]? factors, long[] shape)
    {
        var bytes = MemoryMarshal.AsBytes(halves.AsSpan());
        if (!BitConverter.IsLittleEndian)
        {
            foreach (ref var bits in MemoryMarshal.Cast<byte, ushort>(bytes))
                bits = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(bits);
        }

        var (stored, result) = (rewrite.Names.Next("w"), rewrite.Names.Next("f"));
        var initializers = weight.Owner.Graph.Initializer;
        initializers.Add(TensorData.Make(stored, DataType.Float16, bytes, [.. weight.Tensor.Dims]));
        var real = factors is null ? result : rewrite.Names.Next("r");
        rewrite.AddFirst(weight.Owner, Nodes.Make("Cast", [stored], [real], "", Nodes.Int("to", Float)));
        if (factors is null) return result;
        var scales = rewrite.Names.Next("v");
        initializers.Add(TensorData.Make(scales, factors, shape));
        rewrite.AddFirst(weight.Owner, Nodes.Make("Mul", [real, scales], [result], ""));
        return result;
    }
}
