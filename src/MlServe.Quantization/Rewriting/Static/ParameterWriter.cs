using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// Writes weights and biases as integers with the operators that give their floats. A weight that several operators share is written once.
/// </summary>
internal sealed class ParameterWriter(GraphProto graph, NameAllocator names, Constants constants, IntegerTypes types, QuantizationPlan plan)
{
    private readonly Dictionary<string, List<Written>> _written = new(StringComparer.Ordinal);

    /// <summary>Points an operator's second and third input to integers.</summary>
    /// <param name="compute">The operator.</param>
    /// <param name="parameters">Its weights as the integer operator takes them.</param>
    /// <param name="input">The scale of its first input.</param>
    /// <param name="nodes">Takes the operators that are needed before it.</param>
    public void Write(ComputeNode compute, ComputeParameters parameters, float input, ICollection<NodeProto> nodes)
    {
        var node = compute.Node;
        var biases = parameters.Biases(BiasesOf(compute));
        var magnitudes = WeightQuantizer.Magnitudes(parameters.Weights, parameters.Shape, compute.Axis);
        var scales = WeightScales.Shared(compute, WeightScales.Of(magnitudes, biases, input, plan.PerChannel, types.WeightHigh));
        var integers = WeightQuantizer.Quantize(parameters.Weights, parameters.Shape, compute.Axis, scales, types.WeightHigh);
        parameters.TakeOutShift(biases, integers, scales);
        node.Input[1] = Weight(compute, integers, scales, parameters.IsScaled, nodes);
        if (node.OpType == "Gemm")
        {
            Nodes.Remove(node, "alpha");
            Nodes.Remove(node, "beta");
        }

        if (biases is null) return;
        var bias = Bias(biases, scales, input, nodes);
        if (node.Input.Count > 2) node.Input[2] = bias;
        else node.Input.Add(bias);
    }

    private float[]? BiasesOf(ComputeNode compute)
    {
        var biases = compute.Biases();
        if (!compute.TakesBias || !plan.BiasCorrections.TryGetValue(compute.Node.Output[0], out var correction)) return biases;
        if (correction.Length != compute.Channels)
        {
            throw new QuantizationException(QuantizationFailure.PlanMismatch,
                $"The plan corrects {correction.Length} channels of '{compute.Node.Output[0]}', which has {compute.Channels}. It was made "
                    + "for another model.");
        }

        biases ??= new float[compute.Channels];
        for (var i = 0; i < biases.Length; i++)
            biases[i] += correction[i];
        return biases;
    }

    private string Weight(ComputeNode compute, sbyte[] integers, float[] scales, bool isScaled, ICollection<NodeProto> nodes)
    {
        if (!_written.TryGetValue(compute.Weight.Name, out var written)) _written.Add(compute.Weight.Name, written = []);
        foreach (var each in written)
        {
            if (!isScaled && each.Axis == compute.Axis && each.Scales.AsSpan().SequenceEqual(scales)) return each.Output;
        }

        var name = names.Next("w");
        graph.Initializer.Add(TensorData.Make(name, integers, [.. compute.Weight.Dims]));
        var output = names.Next("d");
        nodes.Add(Dequantize(
            name, constants.Floats(scales), constants.WeightZeros(scales.Length == 1 ? 0 : scales.Length), output, compute.Axis,
            scales.Length));
        if (!isScaled) written.Add(new(compute.Axis, scales, output));
        return output;
    }

    private string Bias(float[] biases, float[] scales, float input, ICollection<NodeProto> nodes)
    {
        var products = new float[scales.Length];
        for (var i = 0; i < products.Length; i++)
            products[i] = Math.Max(input * scales[i], float.Epsilon);
        var integers = new int[biases.Length];
        for (var i = 0; i < integers.Length; i++)
            integers[i] = (int)Math.Clamp(
                Math.Round(biases[i] / (double)products[products.Length == 1 ? 0 : i]), int.MinValue, int.MaxValue);

        var name = names.Next("b");
        graph.Initializer.Add(TensorData.Make(name, integers, integers.Length));
        var output = names.Next("d");
        nodes.Add(Dequantize(name, constants.Floats(products), null, output, 0, products.Length));
        return output;
    }

    private static NodeProto Dequantize(string integers, string scale, string? zero, string output, int axis, int scales)
    {
        var node = Nodes.Make("DequantizeLinear", zero is null ? [integers, scale] : [integers, scale, zero], [output], "");
        if (scales > 1) node.Attribute.Add(Nodes.Int("axis", axis));
        return node;
    }

    private sealed record Written(int Axis, float[] Scales, string Output);
}
