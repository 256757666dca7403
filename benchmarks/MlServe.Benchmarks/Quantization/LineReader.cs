using System.Numerics.Tensors;
using MlServe.Onnx;

namespace MlServe.Benchmarks.Quantization;

/// <summary>Reads lines with a recognizer, as classes behind CTC decoding, and compares them with those of another.</summary>
internal sealed class LineReader(TextLines lines, int first, int count)
{
    private List<int[]>? _expected;

    /// <summary>The share of lines that a model reads as the source did, whose readings the first call keeps.</summary>
    public async ValueTask<double> ShareAsync(IPredictor predictor, CancellationToken cancellationToken)
    {
        var read = new List<int[]>(count);
        for (var i = 0; i < count; i++)
        {
            var input = PredictionInputs.Rows(PredictionInput.Tensor(
                "x", lines.Draw(first + i), [1, 3, TextLines.Height, TextLines.Width]));
            using var prediction = (await predictor.PredictAsync(input, cancellationToken: cancellationToken)).EnsureOk();
            read.Add(Decode(prediction[0].AsSpan<float>(), checked((int)prediction[0].Shape[^1])));
        }

        _expected ??= read;
        return _expected.Zip(read, static (wanted, found) => wanted.AsSpan().SequenceEqual(found) ? 1 : 0).Average();
    }

    /// <summary>
    /// The likeliest class at each place, without repetitions and without blanks, which are class 0 (A. Graves et al., 2006).
    /// </summary>
    private static int[] Decode(ReadOnlySpan<float> scores, int classes)
    {
        var read = new List<int>();
        var before = 0;
        for (var start = 0; start < scores.Length; start += classes)
        {
            var best = TensorPrimitives.IndexOfMax(scores.Slice(start, classes));
            if (best != before && best != 0) read.Add(best);
            before = best;
        }

        return [.. read];
    }
}
