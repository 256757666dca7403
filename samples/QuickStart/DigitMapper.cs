namespace MlServe.Samples.QuickStart;

/// <summary>28 x 28 grey values, 0 to 255, row by row.</summary>
internal readonly record struct DigitImage(ReadOnlyMemory<byte> Pixels);

/// <summary>What the model reads, and how sure it is.</summary>
internal readonly record struct Digit(int Value, float Confidence);

/// <summary>Writes images straight into the model's memory, and reads the likeliest digit from its scores.</summary>
internal sealed class DigitMapper : IPredictionMapper<DigitImage, Digit>
{
    public void Encode(DigitImage input, PredictionInputWriter writer)
    {
        var pixels = input.Pixels.Span;
        var target = writer.Tensor<float>("image", pixels.Length);
        for (var i = 0; i < pixels.Length; i++)
            target[i] = pixels[i] / 255f;
    }

    public Digit Decode(Prediction prediction)
    {
        var scores = prediction["scores"].AsSpan<float>();
        var best = 0;
        for (var i = 1; i < scores.Length; i++)
        {
            if (scores[i] > scores[best]) best = i;
        }

        return new(best, scores[best]);
    }
}
