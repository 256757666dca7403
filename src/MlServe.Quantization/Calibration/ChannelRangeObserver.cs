using System.Numerics.Tensors;

namespace MlServe.Quantization.Calibration;

/// <summary>Sees between which values each channel (second axis) of a tensor lies.</summary>
internal sealed class ChannelRangeObserver(string name)
{
    private float[] _min = [];
    private float[] _max = [];
    private bool _varies;

    public string Name => name;

    public void Add(ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
    {
        if (shape.Length < 2 || values.IsEmpty) return;
        var channels = (int)shape[1];
        if (_min.Length == 0)
        {
            _min = new float[channels];
            _max = new float[channels];
            Array.Fill(_min, float.PositiveInfinity);
            Array.Fill(_max, float.NegativeInfinity);
        }

        _varies |= channels != _min.Length;
        if (_varies) return;
        var inner = values.Length / (int)shape[0] / channels;
        for (int start = 0, channel = 0; start < values.Length; start += inner, channel = channel + 1 == channels ? 0 : channel + 1)
        {
            var part = values.Slice(start, inner);
            _min[channel] = Math.Min(_min[channel], TensorPrimitives.Min(part));
            _max[channel] = Math.Max(_max[channel], TensorPrimitives.Max(part));
        }
    }

    /// <summary>A range for each channel; null if it has none, or not always as many.</summary>
    public TensorRange[]? Ranges() =>
        _varies || _min.Length == 0 ? null : [.. _min.Zip(_max, static (min, max) => new TensorRange(min, max))];
}
