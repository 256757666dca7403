using System.Numerics.Tensors;

namespace MlServe.Quantization.Calibration;

/// <summary>The mean of each channel of a tensor over all samples.</summary>
/// <param name="axis">The axis of the channels; negative: counted from the last.</param>
internal sealed class ChannelMeans(int axis)
{
    private double[] _sums = [];
    private long _count;

    public void Add(ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
    {
        var at = axis < 0 ? shape.Length + axis : axis;
        if (at < 0 || at >= shape.Length || values.IsEmpty) return;
        var channels = (int)shape[at];
        if (_sums.Length == 0) _sums = new double[channels];
        if (_sums.Length != channels) return;
        var inner = 1;
        foreach (var size in shape[(at + 1)..])
            inner *= (int)size;
        for (int start = 0, channel = 0; start < values.Length; start += inner, channel = channel + 1 == channels ? 0 : channel + 1)
            _sums[channel] += inner == 1 ? values[start] : TensorPrimitives.Sum(values.Slice(start, inner));
        _count += values.Length / channels;
    }

    /// <summary>A mean for each channel; empty if there was no value.</summary>
    public double[] Values() => [.. _sums.Select(sum => sum / _count)];
}
