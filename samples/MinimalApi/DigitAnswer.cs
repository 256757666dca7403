using System.Numerics.Tensors;

namespace MlServe.Samples.MinimalApi;

/// <summary>What the model reads, how sure it is of each digit, and where the answer came from.</summary>
internal sealed record DigitAnswer(
    int Digit, float Confidence, float[] Scores, string Model, string Version, string Source, int BatchRows, double Milliseconds)
{
    public static DigitAnswer From(Prediction prediction, TimeSpan elapsed)
    {
        var scores = prediction["scores"].ToArray<float>();
        var digit = TensorPrimitives.IndexOfMax(scores);
        var origin = prediction.Origin;
        return new(
            digit, scores[digit], scores, origin.Model?.Name ?? "", origin.Model?.Version ?? "", origin.Source.ToString(), origin.BatchRows,
            Math.Round(elapsed.TotalMilliseconds, 3));
    }
}
