using System.Numerics.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Calibration;

/// <summary>
/// Finds what the columns of products' inputs are multiplied with before they are rounded (see <see cref="Smoothing"/>): one pass over the
/// samples.
/// </summary>
internal static class SmoothingFactors
{
    // How much of the difference between columns goes to the weights. Of 0.5, 0.65 and 0.8, tried on all-MiniLM-L6-v2, 0.8 kept most
    // neighbours; weights have a scale for each column, activations one for all.
    private const double Share = 0.8;
    private const double Least = 1e-5;

    /// <returns>A factor for each column, by the name of the value, as in <see cref="QuantizationPlan.InputFactors"/>; none if nothing
    /// can be smoothed.</returns>
    public static async Task<IReadOnlyDictionary<string, float[]>> ComputeAsync(
        ModelProto preprocessed, QuantizationPlan plan, SampleSet samples, CancellationToken cancellationToken)
    {
        var readers = Smoothing.Readers(new GraphIndex(preprocessed.Graph), plan);
        var factors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        if (readers.Count == 0) return factors;
        var greatest = readers.Select(static reader => new float[Smoothing.ColumnsOf(reader.Nodes[0])]).ToArray();
        using var activations = ActivationSession.Open(preprocessed, [.. readers.Select(static reader => reader.Value)]);
        await foreach (var sample in samples.Calibration(cancellationToken).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            activations.Run(sample, (index, values, _) => Widen(greatest[index], values));
        }

        for (var i = 0; i < readers.Count; i++)
            factors.Add(readers[i].Value, Of(greatest[i], readers[i].Nodes));
        return factors;
    }

    private static void Widen(Span<float> greatest, ReadOnlySpan<float> values)
    {
        for (var row = 0; row + greatest.Length <= values.Length; row += greatest.Length)
        {
            for (var i = 0; i < greatest.Length; i++)
                greatest[i] = Math.Max(greatest[i], Math.Abs(values[row + i]));
        }
    }

    private static float[] Of(float[] inputs, IReadOnlyList<ComputeNode> nodes)
    {
        var weights = new float[inputs.Length];
        foreach (var node in nodes)
        {
            var rows = WeightQuantizer.Magnitudes(TensorData.Floats(node.Weight), TensorData.ShapeOf(node.Weight), 1 - node.Axis);
            TensorPrimitives.Max(weights, rows, weights);
        }

        return [.. inputs.Zip(
            weights,
            static (input, weight) => (float)(Math.Pow(Math.Max(weight, Least), 1 - Share) / Math.Pow(Math.Max(input, Least), Share)))];
    }
}
