using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>Writes QuantizeLinear and DequantizeLinear into a graph, in place.</summary>
internal sealed class StaticGraphWriter
{
    private readonly GraphProto _graph;
    private readonly GraphIndex _index;
    private readonly StaticLayout _layout;
    private readonly NameAllocator _names;
    private readonly IntegerTypes _types;
    private readonly Constants _constants;
    private readonly ParameterWriter _parameters;
    private readonly QuantizationPlan _plan;
    private readonly SaturationLimits _limits;
    private readonly ChannelLayout _channels;
    private readonly Dictionary<string, ScaleAndZero> _scales = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _dequantized = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Integers, ScaleAndZero Scale)> _rounded = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read;
    private readonly List<NodeProto> _nodes = [];

    public StaticGraphWriter(ModelProto model, GraphIndex index, StaticLayout layout, QuantizationPlan plan)
    {
        _graph = model.Graph;
        _index = index;
        _layout = layout;
        _plan = plan;
        _names = new(model);
        _types = IntegerTypes.For(plan.Target);
        _constants = new(_graph, _names);
        _parameters = new(_graph, _names, _constants, _types, plan);
        _limits = new(index);
        _channels = new(index, layout, plan);
        _read = new(layout.Values().Where(value => !layout.IsRounded(value)), StringComparer.Ordinal);
    }

    public void Write()
    {
        foreach (var input in _graph.Input)
            QuantizeForReaders(input.Name);
        foreach (var node in _graph.Node)
        {
            if (!_layout.IsFolded(node)) Write(node);
        }

        _graph.Node.Clear();
        _graph.Node.Add(_nodes);
        RemoveUnused();
    }

    private void Write(NodeProto node)
    {
        var rounded = _layout.Rounded(node);
        var isLoneRelu = _layout.IsLoneRelu(node);
        var outputs = rounded is null ? null : _channels.OfOutput(rounded);
        if (_layout.ComputeOf(node) is { } compute)
        {
            var inputs = _channels.OfInput(node.Input[0]);
            _parameters.Write(compute, new(compute, inputs, outputs), inputs?.Tensor.Scale ?? ScaleOf(node.Input[0]).Scale, _nodes);
        }

        else if (!_layout.IsQuantized(node) && node.Input.Count > 0 && _rounded.TryGetValue(node.Input[0], out var input)
            && FloatProducts.ChannelsOf(node, _index) is { } channels)
        {
            node.Input[0] = DequantizeByChannel(input.Integers, input.Scale, channels);
        }

        string[] made = [.. node.Output];
        for (var i = 0; i < node.Input.Count; i++)
        {
            if (_layout.ReadsIntegers(node, i) && _dequantized.TryGetValue(node.Input[i], out var name)) node.Input[i] = name;
        }

        if (rounded is not null)
        {
            // The name stays with the rounded value, so that no reader has to change. Where a Relu was folded, the operator's own output is
            // free.
            if (rounded == node.Output[0]) node.Output[0] = _names.Next("r");
            _nodes.Add(node);
            if (outputs is null) _rounded.Add(rounded, (Quantize(node.Output[0], ScaleOf(rounded), rounded), ScaleOf(rounded)));
            else Quantize(node.Output[0], Parameters(outputs.Tensor), Parameters(outputs), rounded);
            return;
        }

        if (isLoneRelu)
        {
            // The same for all that a product of integers can be, and no Relu in the runtime's eyes.
            node.OpType = "LeakyRelu";
            node.Attribute.Add(Nodes.Float("alpha", 0));
        }

        _nodes.Add(node);
        foreach (var output in made)
            QuantizeForReaders(output);
    }

    private void QuantizeForReaders(string value)
    {
        if (!_read.Contains(value)) return;
        var name = _names.Next("d");
        if (_channels.OfInput(value) is { } inputs) Quantize(value, Parameters(inputs), Parameters(inputs.Tensor), name);
        else Quantize(value, ScaleOf(value), name);
        _dequantized.Add(value, name);
    }

    private string DequantizeByChannel(string integers, ScaleAndZero scale, (int Count, int Axis) channels)
    {
        var output = _names.Next("d");
        var scales = _constants.Floats([.. Enumerable.Repeat(scale.Scale, channels.Count)]);
        var zeros = _constants.Zeros([.. Enumerable.Repeat(scale.Zero, channels.Count)], _types.Activation);
        _nodes.Add(Nodes.Make("DequantizeLinear", [integers, scales, zeros], [output], "", Nodes.Int("axis", channels.Axis)));
        return output;
    }

    private string Quantize(string value, ScaleAndZero scale, string output)
    {
        var parameters = Parameters(scale);
        return Quantize(value, parameters, parameters, output);
    }

    /// <returns>The value in integers.</returns>
    private string Quantize(
        string value, (string Scale, string Zero, bool IsPerChannel) to, (string Scale, string Zero, bool IsPerChannel) from, string output)
    {
        var integers = _names.Next("q");
        AddNode("QuantizeLinear", value, to, integers);
        AddNode("DequantizeLinear", integers, from, output);
        return integers;
    }

    private void AddNode(string operation, string input, (string Scale, string Zero, bool IsPerChannel) parameters, string output)
    {
        var node = Nodes.Make(operation, [input, parameters.Scale, parameters.Zero], [output], "");
        if (parameters.IsPerChannel) node.Attribute.Add(Nodes.Int("axis", 1));
        _nodes.Add(node);
    }

    private (string Scale, string Zero, bool IsPerChannel) Parameters(ScaleAndZero scale) =>
        (_constants.Scale(scale.Scale), _constants.Zero(scale.Zero, _types.Activation), false);

    private (string Scale, string Zero, bool IsPerChannel) Parameters(ChannelScales scales) =>
        scales.Scales.Length == 1
            ? Parameters(new ScaleAndZero(scales.Scales[0], scales.Zeros[0]))
            : (_constants.Floats(scales.Scales), _constants.Zeros(scales.Zeros, _types.Activation), true);

    private ScaleAndZero ScaleOf(string value)
    {
        value = _layout.RangeOf(value);
        if (_scales.TryGetValue(value, out var scale)) return scale;
        if (!_plan.Ranges.TryGetValue(value, out var range))
        {
            throw new QuantizationException(QuantizationFailure.PlanMismatch,
                $"The plan has no range for '{value}', which has to be calibrated. Make the plan anew, with calibration samples.");
        }

        if (!float.IsFinite(range.Min) || !float.IsFinite(range.Max) || range.Min > range.Max)
            throw new QuantizationException(
                QuantizationFailure.PlanMismatch, $"The plan's range for '{value}' is {range.Min} to {range.Max}, which is no range.");
        scale = ScaleAndZero.OfRange(_limits.Narrow(value, range), _types.Low, _types.High);
        _scales.Add(value, scale);
        return scale;
    }

    /// <summary>Removes what nothing reads any more: values that all readers take another way, float weights.</summary>
    private void RemoveUnused()
    {
        var index = new GraphIndex(_graph);
        foreach (var node in _graph.Node.Where(node => Nodes.Is(node, "DequantizeLinear") && index.UsesOf(node.Output[0]).Count == 0
            && !index.IsOutput(node.Output[0])).ToList())
            _graph.Node.Remove(node);
        for (var i = _graph.Initializer.Count - 1; i >= 0; i--)
        {
            var name = _graph.Initializer[i].Name;
            if (index.UsesOf(name).Count == 0 && !index.IsOutput(name) && !index.IsInput(name)) _graph.Initializer.RemoveAt(i);
        }
    }
}
