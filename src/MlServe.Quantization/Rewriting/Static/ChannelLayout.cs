using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// Which values around convolutions can be rounded with a scale for each channel: those that have integers on one side only.
/// </summary>
internal sealed class ChannelLayout(GraphIndex index, StaticLayout layout, QuantizationPlan plan)
{
    private readonly SaturationLimits _limits = new(index);
    private readonly IntegerTypes _types = IntegerTypes.For(plan.Target);

    /// <summary>The values that take a scale for each channel, once their ranges are known.</summary>
    public IReadOnlyList<string> Values() => [.. layout.Values().Where(value => IsInput(value) || IsOutput(value))];

    /// <summary>The scales of a value that is float and only read by convolutions on integers; null: one scale.</summary>
    public ChannelScales? OfInput(string value)
    {
        if (!plan.PerChannel || !plan.ChannelRanges.TryGetValue(value, out var ranges) || !IsInput(value)) return null;
        var readers = Readers(value).Select(use => layout.ComputeOf(use.Node)!).ToList();
        if (readers.Exists(reader => Channels(reader) != ranges.Length)) throw Mismatch(value, ranges.Length, Channels(readers[0]));
        return ChannelScales.OfInput(ranges, readers.Exists(static reader => Nodes.Pads(reader.Node)), _types.Low, _types.High);
    }

    /// <summary>The scales of a value that comes as integers from a convolution and is read as float; null: one scale.</summary>
    public ChannelScales? OfOutput(string value)
    {
        if (!plan.PerChannel || !plan.ChannelRanges.TryGetValue(value, out var ranges) || !IsOutput(value)) return null;
        var channels = layout.MakerOf(value)!.Channels;
        if (channels != ranges.Length) throw Mismatch(value, ranges.Length, channels);
        return ChannelScales.OfOutput([.. ranges.Select(range => _limits.Narrow(value, range))], _types.Low, _types.High);
    }

    private bool IsInput(string value)
    {
        if (layout.IsRounded(value) || layout.RangeOf(value) != value) return false;
        if (!IsPoolOfFloats(value) && MayBeFused(index.ProducerOf(value))) return false;
        var readers = Readers(value);
        return readers.Count > 0 && readers.TrueForAll(use => IsDense(layout.ComputeOf(use.Node)));
    }

    private bool IsOutput(string value) =>
        layout.RangeOf(value) == value && IsDense(layout.MakerOf(value)) && Readers(value).Count == 0
        && !index.UsesOf(value).Any(use => MayBeFused(use.Node));

    /// <summary>
    /// Whether a value comes from a pooling of what no integer operator made: there is nothing to put together then. With a scale for each
    /// channel the rounding stays behind the pooling. With one scale the runtime moves it before the pooling, rounds four times as many
    /// values, and pools integers channel by channel. That ran at 0.49 of FP32's speed in place of 1.6 in a small network.
    /// </summary>
    private bool IsPoolOfFloats(string value)
    {
        if (index.ProducerOf(value) is not { } pool || !Nodes.Is(pool, "MaxPool")) return false;
        return index.ProducerOf(pool.Input[0]) is not { } before
            || (!layout.IsRounded(pool.Input[0]) && !SubgraphReads.IsRearranging(before));
    }

    /// <summary>
    /// Whether the runtime may put a float operator and the roundings around it together. It may if all inputs come from integers and
    /// outputs go to integers, and past operators that only rearrange. It does so with a scale for each channel as well, for which its
    /// integer operators have no kernels, and then refuses the model.
    /// </summary>
    private bool MayBeFused(NodeProto? node)
    {
        if (node is null) return false;
        if (SubgraphReads.IsRearranging(node)) return true;
        var read = node.Input.Where(input => input.Length > 0 && !index.IsInitializer(input)).ToList();
        return read.Count > 0 && read.TrueForAll(layout.IsRounded)
            && node.Output.Any(output => index.UsesOf(output).Any(IsIntegerOrRearranging));
    }

    private bool IsIntegerOrRearranging(GraphIndex.Use use) =>
        !use.IsFromSubgraph && (layout.ReadsIntegers(use.Node, use.Input) || SubgraphReads.IsRearranging(use.Node));

    /// <summary>
    /// Not around a convolution with groups. With all of a text recognizer quantized, 0.13 times the speed of FP32 was measured with ONNX
    /// Runtime 1.31.1; why is not known.
    /// </summary>
    private static bool IsDense(ComputeNode? node) => node is { Node.OpType: "Conv" } && Nodes.Int(node.Node, "group", 1) == 1;

    private List<GraphIndex.Use> Readers(string value) =>
        [.. index.UsesOf(value).Where(use => !use.IsFromSubgraph && layout.ReadsIntegers(use.Node, use.Input))];

    private static int Channels(ComputeNode conv) => checked((int)conv.Weight.Dims[1]);

    private static QuantizationException Mismatch(string value, int given, int needed) => new(QuantizationFailure.PlanMismatch,
        $"The plan has the ranges of {given} channels of '{value}', which has {needed}. It was made for another model.");
}
