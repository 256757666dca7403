using MlServe.Quantization.Model;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// The weights and biases of an operator as the integer operator takes them, with the differences between channels in them.
/// </summary>
internal sealed class ComputeParameters
{
    private readonly ComputeNode _compute;
    private readonly ChannelScales? _inputs;
    private readonly ChannelScales? _outputs;

    public ComputeParameters(ComputeNode compute, ChannelScales? inputs, ChannelScales? outputs)
    {
        _compute = compute;
        _inputs = inputs;
        _outputs = outputs;
        Shape = TensorData.ShapeOf(compute.Weight);
        Weights = compute.Weights();
        for (var i = 0; i < Weights.Length && IsScaled; i++)
        {
            var (channel, input) = PlaceOf(i);
            Weights[i] = (float)(Weights[i] * InputFactor(input) / OutputFactor(channel));
        }
    }

    public int[] Shape { get; }

    public float[] Weights { get; }

    /// <summary>Whether the weights are not those of the model.</summary>
    public bool IsScaled => _inputs is not null || _outputs is not null;

    public double InputFactor(int input) => _inputs?.Factor(input) ?? 1;

    public double OutputFactor(int channel) => _outputs?.Factor(channel) ?? 1;

    /// <summary>The output channel that a weight belongs to and the input channel that it is multiplied with.</summary>
    public (int Channel, int Input) PlaceOf(int weight)
    {
        var (channels, inner) = (_compute.Channels, WeightQuantizer.InnerOf(Shape, _compute.Axis));

        // Channels lie along the first axis or the second of two: what is left of the position tells the input.
        var (channel, rest) = _compute.Axis == 0 ? (weight / inner, weight % inner) : (weight % channels, weight / channels);
        if (_compute.Node.OpType != "Conv") return (channel, rest);
        var perInput = Weights.Length / channels / Shape[1];
        var perGroup = Math.Max(1, channels / (int)Nodes.Int(_compute.Node, "group", 1));
        return (channel, (rest / perInput) + (channel / perGroup * Shape[1]));
    }

    /// <summary>The biases for scaled outputs; null: none are needed.</summary>
    public float[]? Biases(float[]? biases)
    {
        if (!IsScaled) return biases;
        var scaled = new float[_compute.Channels];
        for (var channel = 0; channel < scaled.Length; channel++)
            scaled[channel] = (float)(((biases?[channel] ?? 0) / OutputFactor(channel)) + (_outputs?.Shift(channel) ?? 0));
        return scaled;
    }

    /// <summary>Takes out of biases what the rounded weights make of the distances between the inputs' zeros.</summary>
    public void TakeOutShift(float[]? biases, ReadOnlySpan<sbyte> integers, ReadOnlySpan<float> scales)
    {
        if (_inputs is null || biases is null) return;
        var shifts = new double[biases.Length];
        for (var i = 0; i < integers.Length; i++)
        {
            var (channel, input) = PlaceOf(i);
            shifts[channel] += integers[i] * (double)scales[scales.Length == 1 ? 0 : channel] * _inputs.Shift(input);
        }

        for (var channel = 0; channel < biases.Length; channel++)
            biases[channel] = (float)(biases[channel] - shifts[channel]);
    }
}
