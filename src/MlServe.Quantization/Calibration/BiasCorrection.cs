using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Calibration;

/// <summary>
/// Finds by how much rounding shifts the mean of each output channel. The bias takes the shift back, which costs nothing when the model
/// runs (M. Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019).
/// </summary>
internal static class BiasCorrection
{
    /// <summary>
    /// Corrects what the rounding of weights does, from the means of the float model's activations: one pass over the samples.
    /// </summary>
    /// <returns>The addends to the biases of nodes, by the name of the node's output, as in
    /// <see cref="QuantizationPlan.BiasCorrections"/>.</returns>
    public static async Task<IReadOnlyDictionary<string, float[]>> ComputeAsync(
        ModelProto preprocessed, QuantizationPlan plan, SampleSet samples, CancellationToken cancellationToken)
    {
        preprocessed = Smoothing.Apply(preprocessed, plan);
        var index = new GraphIndex(preprocessed.Graph);
        var layout = new StaticLayout(index, plan);
        var channels = new ChannelLayout(index, layout, plan);
        List<ComputeNode> nodes = [.. layout.Compute.Where(static node => node.TakesBias)];
        var means = await MeansAsync(
            preprocessed, [.. nodes.Select(static node => node.Node.Input[0])], nodes, samples, cancellationToken).ConfigureAwait(false);
        var high = IntegerTypes.For(plan.Target).WeightHigh;
        var corrections = new Dictionary<string, float[]>(StringComparer.Ordinal);
        for (var i = 0; i < nodes.Count; i++)
        {
            if (means[i].Length == 0) continue;
            var node = nodes[i].Node;
            var parameters = new ComputeParameters(
                nodes[i], channels.OfInput(node.Input[0]), layout.Rounded(node) is { } rounded ? channels.OfOutput(rounded) : null);
            corrections.Add(node.Output[0], Shift(nodes[i], parameters, means[i], plan.PerChannel, high));
        }

        return corrections;
    }

    /// <summary>
    /// Corrects what the rounding of weights and activations does, in the order of the model: behind each node with all before it quantized
    /// and corrected. A pass over the samples for every node on the longest way through the model.
    /// </summary>
    public static async Task<IReadOnlyDictionary<string, float[]>> ComputeSequentiallyAsync(
        ModelProto preprocessed, QuantizationPlan plan, SampleSet samples, CancellationToken cancellationToken)
    {
        var layout = new StaticLayout(new(preprocessed.Graph), plan);
        var channels = new ChannelLayout(new(preprocessed.Graph), layout, plan);
        List<ComputeNode> nodes = [.. layout.Compute.Where(static node => node.TakesBias)];
        string[] outputs = [.. nodes.Select(static node => node.Node.Output[0])];
        var expected = await MeansAsync(preprocessed, outputs, nodes, samples, cancellationToken).ConfigureAwait(false);
        var positions = Positions(preprocessed.Graph);
        var depths = NodeDepths.Of(preprocessed.Graph, nodes);
        var corrections = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var level in Enumerable.Range(0, nodes.Count).GroupBy(i => depths[i]).OrderBy(static group => group.Key))
        {
            var rewritten = StaticRewriter.Rewrite(
                preprocessed, plan with { Format = QuantizationFormat.Qdq, BiasCorrections = corrections }).Model;
            NodeProto[] written = [.. rewritten.Graph.Node.Where(ComputeNodes.IsOfKind)];
            ComputeNode[] here = [.. level.Select(i => nodes[i])];
            string[] names = [.. here.Select(node => written[positions[node.Node.Output[0]]].Output[0])];
            var actual = await MeansAsync(rewritten, names, here, samples, cancellationToken).ConfigureAwait(false);
            foreach (var (index, i) in level.Index())
            {
                if (expected[i].Length == 0 || expected[i].Length != actual[index].Length) continue;
                var scales = layout.Rounded(nodes[i].Node) is { } rounded ? channels.OfOutput(rounded) : null;
                corrections.Add(
                    outputs[i],
                    [.. expected[i].Select((wanted, channel) => (float)(wanted - Unscaled(actual[index][channel], channel, scales)))]);
            }
        }

        return corrections;
    }

    /// <summary>The mean of a channel as the model has it, from that of the operator that was told another scale.</summary>
    private static double Unscaled(double mean, int channel, ChannelScales? scales) =>
        scales is null ? mean : (mean - scales.Shift(channel)) * scales.Factor(channel);

    /// <summary>Which of the graph's compute nodes makes an output: rewriting renames outputs, and keeps the order of nodes.</summary>
    private static Dictionary<string, int> Positions(GraphProto graph) =>
        graph.Node.Where(ComputeNodes.IsOfKind)
            .Index()
            .ToDictionary(static pair => pair.Item.Output[0], static pair => pair.Index, StringComparer.Ordinal);

    private static async Task<double[][]> MeansAsync(
        ModelProto model, string[] names, IReadOnlyList<ComputeNode> nodes, SampleSet samples, CancellationToken cancellationToken)
    {
        string[] distinct = [.. names.Distinct(StringComparer.Ordinal)];
        var means = names.Zip(nodes, static (name, node) => (name, Axis: node.Node.OpType == "Conv" ? 1 : -1))
            .DistinctBy(static pair => pair.name, StringComparer.Ordinal)
            .Select(static pair => new ChannelMeans(pair.Axis)).ToArray();
        if (distinct.Length > 0)
        {
            using var activations = ActivationSession.Open(model, distinct);
            await foreach (var sample in samples.Calibration(cancellationToken).ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                activations.Run(sample, (index, values, shape) => means[index].Add(values, shape));
            }
        }

        return [.. names.Select(name => means[Array.IndexOf(distinct, name)].Values())];
    }

    /// <summary>
    /// How far rounded weights shift the output. That is the sum of the errors of the weights, each times the mean of the input that it is
    /// multiplied with.
    /// </summary>
    private static float[] Shift(ComputeNode node, ComputeParameters parameters, double[] means, bool perChannel, int high)
    {
        var (weights, shape) = (parameters.Weights, parameters.Shape);
        var magnitudes = WeightQuantizer.Magnitudes(weights, shape, node.Axis);
        var scales = WeightScales.Shared(node, WeightScales.Of(magnitudes, null, 1, perChannel, high));
        var integers = WeightQuantizer.Quantize(weights, shape, node.Axis, scales, high);
        var shift = new double[node.Channels];
        for (var i = 0; i < weights.Length; i++)
        {
            var (channel, input) = parameters.PlaceOf(i);
            if (input >= means.Length) continue;
            var error = weights[i] - ((double)integers[i] * scales[scales.Length == 1 ? 0 : channel]);
            shift[channel] += error * parameters.OutputFactor(channel) / parameters.InputFactor(input) * means[input];
        }

        return [.. shift.Select(static value => (float)value)];
    }
}
