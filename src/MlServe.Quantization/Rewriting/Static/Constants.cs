using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>Scales and zero points as initializers, each value once.</summary>
internal sealed class Constants(GraphProto graph, NameAllocator names)
{
    private readonly Dictionary<float, string> _scales = [];
    private readonly Dictionary<int, string> _zeros = [];
    private readonly Dictionary<int, string> _channelZeros = [];

    public string Scale(float value)
    {
        if (!_scales.TryGetValue(value, out var name))
        {
            _scales.Add(value, name = names.Next("s"));
            graph.Initializer.Add(Scalar(TensorData.Make(name, [value])));
        }

        return name;
    }

    /// <summary>The zero point of an activation.</summary>
    public string Zero(int value, DataType type)
    {
        if (!_zeros.TryGetValue(value, out var name))
        {
            _zeros.Add(value, name = names.Next("z"));
            graph.Initializer.Add(TensorData.Make(name, type, [unchecked((byte)value)], []));
        }

        return name;
    }

    /// <summary>The zero points of an activation's channels.</summary>
    public string Zeros(int[] values, DataType type)
    {
        var name = names.Next("z");
        graph.Initializer.Add(TensorData.Make(name, type, [.. values.Select(static value => unchecked((byte)value))], [values.Length]));
        return name;
    }

    /// <summary>Signed zeros for weights: one for each channel, or a single one if there are none.</summary>
    public string WeightZeros(int channels)
    {
        if (!_channelZeros.TryGetValue(channels, out var name))
        {
            _channelZeros.Add(channels, name = names.Next("z"));
            graph.Initializer.Add(TensorData.Make(name, DataType.Int8, new byte[Math.Max(1, channels)], channels == 0 ? [] : [channels]));
        }

        return name;
    }

    public string Floats(ReadOnlySpan<float> values)
    {
        if (values.Length == 1) return Scale(values[0]);
        var name = names.Next("s");
        graph.Initializer.Add(TensorData.Make(name, values, values.Length));
        return name;
    }

    private static TensorProto Scalar(TensorProto tensor)
    {
        tensor.Dims.Clear();
        return tensor;
    }
}
