using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using MlServe.Samples.Training.Mnist;
using MlServe.Samples.Training.Onnx;

namespace MlServe.Samples.Training;

/// <summary>What ONNX Runtime makes of a model, beside what LibTorch made of the network it was written from.</summary>
internal sealed record OnnxProof(
    int Images, double Accuracy, double LargestDifference, int OtherDigits, double LargestScoreError, double MicrosecondsPerImage)
{
    private const double DifferenceBound = 1e-4;
    private const double ScoreBound = 1e-5;
    private const int Classes = 10;
    private const int BatchSize = 500;
    private const int TimedImages = 2_000;

    public static OnnxProof Make(byte[] model, MnistSet test, float[] torchLogits, int threads)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads };
        using var session = new InferenceSession(model, options);
        var pixels = test.Pixels();
        var labels = test.Labels();
        var logits = new float[test.Count * Classes];
        var scores = new float[test.Count * Classes];
        for (var first = 0; first < test.Count; first += BatchSize)
            Run(session, pixels, first, BatchSize, logits, scores);

        var (right, others, difference, scoreError) = (0, 0, 0.0, 0.0);
        for (var i = 0; i < test.Count; i++)
        {
            var row = logits.AsSpan(i * Classes, Classes);
            var torchRow = torchLogits.AsSpan(i * Classes, Classes);
            var digit = IndexOfMax(row);
            right += digit == labels[i] ? 1 : 0;
            others += digit == IndexOfMax(torchRow) ? 0 : 1;
            for (var k = 0; k < Classes; k++)
                difference = Math.Max(difference, Math.Abs((double)row[k] - torchRow[k]));
            scoreError = Math.Max(scoreError, SoftmaxError(row, scores.AsSpan(i * Classes, Classes)));
        }

        var watch = Stopwatch.StartNew();
        for (var i = 0; i < TimedImages; i++)
            Run(session, pixels, i, 1, logits, scores);
        var microseconds = watch.Elapsed.TotalMicroseconds / TimedImages;
        return new OnnxProof(test.Count, right / (double)test.Count, difference, others, scoreError, microseconds);
    }

    /// <summary>The bounds that this proof misses, in words; none when the model is good.</summary>
    public IEnumerable<string> Misses(double leastAccuracy)
    {
        if (Accuracy < leastAccuracy)
            yield return FormattableString.Invariant($"test accuracy {Accuracy:P2} is below {leastAccuracy:P2}");
        // Written so that a NaN misses the bound too.
        if (!(LargestDifference <= DifferenceBound))
            yield return FormattableString.Invariant($"logits are off LibTorch's by {LargestDifference:E2}, over {DifferenceBound:E0}");
        if (OtherDigits > 0)
            yield return $"{OtherDigits} images are given another digit than by LibTorch";
        if (!(LargestScoreError <= ScoreBound))
            yield return FormattableString.Invariant($"scores are off the softmax by {LargestScoreError:E2}, over {ScoreBound:E0}");
    }

    private static void Run(InferenceSession session, float[] pixels, int first, int count, float[] logits, float[] scores)
    {
        var images = pixels.AsMemory(first * MnistSet.PixelsPerImage, count * MnistSet.PixelsPerImage);
        using var input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, images, [count, 1, 28, 28]);
        using var runOptions = new RunOptions();
        using var outputs = session.Run(runOptions, [OnnxGraph.Image], [input], [OnnxGraph.Logits, OnnxGraph.Scores]);
        outputs[0].GetTensorDataAsSpan<float>().CopyTo(logits.AsSpan(first * Classes));
        outputs[1].GetTensorDataAsSpan<float>().CopyTo(scores.AsSpan(first * Classes));
    }

    private static double SoftmaxError(ReadOnlySpan<float> logits, ReadOnlySpan<float> scores)
    {
        var largest = logits[IndexOfMax(logits)];
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - largest);

        var error = 0.0;
        for (var k = 0; k < logits.Length; k++)
            error = Math.Max(error, Math.Abs((Math.Exp(logits[k] - largest) / sum) - scores[k]));
        return error;
    }

    private static int IndexOfMax(ReadOnlySpan<float> values)
    {
        var best = 0;
        for (var k = 1; k < values.Length; k++)
            best = values[k] > values[best] ? k : best;
        return best;
    }
}
