using System.Globalization;
using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Suspects that samples are not in the unit that a model was trained on. Ranges that are taken from such samples are wrong, and
/// comparisons of answers on them show nothing. Told by what a model remembers of its training, the means and deviations of batch
/// normalization, and by answers that are all the same.
/// </summary>
internal static class SampleSuspicions
{
    // Means of channels lie within a few deviations of those of training, and their spread within a few times.
    private const double ManyDeviations = 8;
    private const double ManyTimes = 30;
    private const int LeastRows = 8;
    private const double Same = 1e-4;
    private const float Pixels = 255;

    public static IReadOnlyList<string> Of(ModelProto model, SourceModel source, IReadOnlyList<EncodedSample> samples)
    {
        if (samples.Count == 0) return [];
        var found = new List<string>();
        if (FirstNormalization(model, samples) is { } statistics) found.Add(statistics);
        if (found.Count == 0 && LooksLikePixels(model, samples) is { } pixels) found.Add(pixels);
        if (AlwaysTheSame(source.Session, samples) is { } same) found.Add(same);
        return found;
    }

    /// <summary>The input of the first batch normalization, against the mean and variance that it was trained with.</summary>
    private static string? FirstNormalization(ModelProto model, IReadOnlyList<EncodedSample> samples)
    {
        var index = new GraphIndex(model.Graph);
        if (model.Graph.Node.FirstOrDefault(static node => Nodes.Is(node, "BatchNormalization")
            && node.Input.Count >= 5) is not { } normalization)
            return null;
        if (Constant(normalization.Input[3], index) is not { } means || Constant(normalization.Input[4], index) is not { } variances
            || means.Length != variances.Length)
            return null;
        var seen = new ChannelMoments(means.Length);
        try
        {
            using var activations = ActivationSession.Open(model, [normalization.Input[0]]);
            foreach (var sample in samples)
                activations.Run(sample, (_, values, shape) => seen.Add(values, shape));
        }
        catch (QuantizationException)
        {
            return null;
        }

        if (seen.Count == 0) return null;
        var far = 0;
        var ratios = new List<double>();
        for (var channel = 0; channel < means.Length; channel++)
        {
            var deviation = Math.Sqrt(Math.Max(variances[channel], 1e-12));
            if (Math.Abs(seen.Mean(channel) - means[channel]) > ManyDeviations * deviation) far++;
            ratios.Add(seen.Deviation(channel) / deviation);
        }

        ratios.Sort();
        var ratio = ratios[ratios.Count / 2];
        return far > means.Length / 2 || ratio > ManyTimes || ratio < 1 / ManyTimes
            ? string.Create(CultureInfo.InvariantCulture,
                $"The samples look as if they were in another unit than the model was trained on: the input of "
                    + $"'{Nodes.NameOf(normalization)}' spreads {ratio:G2} times as far as in training. Look at how they are scaled.")
            : null;
    }

    /// <summary>Whole numbers up to 255, and a model that does not divide them first.</summary>
    private static string? LooksLikePixels(ModelProto model, IReadOnlyList<EncodedSample> samples)
    {
        foreach (var input in model.Graph.Input)
        {
            if (!samples[0].Values.TryGetValue(input.Name, out var value)
                || value.GetTensorTypeAndShape() is not { ElementDataType: TensorElementType.Float, Shape.Length: 4 })
                continue;
            if (!samples.All(sample => ArePixels(sample.Values[input.Name].GetTensorDataAsSpan<float>()))) continue;
            var readers = model.Graph.Node.Where(node => node.Input.Contains(input.Name)).ToList();
            if (readers.Exists(static node => node.OpType is "Div" or "Mul" or "Sub" or "BatchNormalization" or "Cast")) continue;
            return $"The samples of '{input.Name}' are whole numbers up to 255, and the model does not scale them first. Most models of "
                + "pictures want them divided: look at how yours was trained.";
        }

        return null;
    }

    private static bool ArePixels(ReadOnlySpan<float> values)
    {
        if (values.IsEmpty || TensorPrimitives.Max(values) is not (> 2 and <= Pixels) || TensorPrimitives.Min(values) < 0) return false;
        foreach (var value in values)
        {
            if (value != MathF.Round(value)) return false;
        }

        return true;
    }

    /// <summary>All answers alike, though the samples are not.</summary>
    private static string? AlwaysTheSame(GraphSession source, IReadOnlyList<EncodedSample> samples)
    {
        double[][]? first = null;
        var rows = 0;
        foreach (var sample in samples)
        {
            var answers = Verification.Answer.Run(source.Session, sample.Values);
            if (answers.Exists(answer => answer.Numbers is null || answer.Shape.Length == 0 || answer.Shape[0] != sample.Rows)) return null;
            for (var row = 0; row < sample.Rows; row++)
            {
                double[][] numbers = [.. answers.Select(answer =>
                    answer.Numbers!.AsSpan(row * (answer.Numbers!.Length / sample.Rows), answer.Numbers.Length / sample.Rows).ToArray())];
                rows++;
                if (first is null) first = numbers;
                else if (!AreAlike(first, numbers)) return null;
            }
        }

        return rows < LeastRows ? null : string.Create(CultureInfo.InvariantCulture,
            $"The model gives the same answer to all of the first {rows} rows, but for 1 in {1 / Same:F0}. Look at the samples: they may "
                + $"be in another unit than the model was trained on.");
    }

    private static bool AreAlike(double[][] left, double[][] right)
    {
        for (var i = 0; i < left.Length; i++)
        {
            if (left[i].Length != right[i].Length) return false;
            var size = left[i].Select(Math.Abs).DefaultIfEmpty().Max();
            for (var j = 0; j < left[i].Length; j++)
            {
                if (Math.Abs(left[i][j] - right[i][j]) > Same * size) return false;
            }
        }

        return true;
    }

    private static float[]? Constant(string name, GraphIndex index)
    {
        var tensor = index.ConstantOf(name)
            ?? (index.ProducerOf(name) is { OpType: "Constant" } constant ? Nodes.Find(constant, "value")?.T : null);
        return tensor is not null && TensorData.TypeOf(tensor) == DataType.Float ? TensorData.Floats(tensor) : null;
    }

    /// <summary>Mean and deviation of channels (second axis).</summary>
    private sealed class ChannelMoments(int channels)
    {
        private readonly double[] _sums = new double[channels];
        private readonly double[] _squares = new double[channels];

        public long Count { get; private set; }

        public void Add(ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
        {
            if (shape.Length < 2 || shape[1] != channels || values.IsEmpty) return;
            var inner = values.Length / (int)shape[0] / channels;
            for (int start = 0, channel = 0; start < values.Length; start += inner, channel = channel + 1 == channels ? 0 : channel + 1)
            {
                var part = values.Slice(start, inner);
                _sums[channel] += TensorPrimitives.Sum(part);
                _squares[channel] += TensorPrimitives.SumOfSquares(part);
            }

            Count += values.Length / channels;
        }

        public double Mean(int channel) => _sums[channel] / Count;

        public double Deviation(int channel) => Math.Sqrt(Math.Max(0, (_squares[channel] / Count) - (Mean(channel) * Mean(channel))));
    }
}
