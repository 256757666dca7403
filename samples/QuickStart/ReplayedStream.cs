using System.Collections.Concurrent;
using System.Globalization;

namespace MlServe.Samples.QuickStart;

/// <summary>What came of asking a model for a list of images, some of them more than once, and who answered.</summary>
internal sealed class ReplayedStream
{
    private readonly ConcurrentDictionary<string, int> _answers = new();
    private int _right;

    /// <summary>Requests that got an answer.</summary>
    public int Answered => _answers.Values.Sum();

    public double Accuracy => (double)_right / Math.Max(1, Answered);

    /// <summary>Which model answered which share.</summary>
    public string Shares => string.Join(", ", _answers.OrderByDescending(static entry => entry.Value)
        .Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Key} {(double)entry.Value / Answered:P1}")));

    /// <summary>Images of which a few are asked for often and most of them rarely (Zipf's law), the same in every run.</summary>
    public static int[] Skewed(int images, int requests)
    {
        var random = new Random(1);
        var upTo = new double[images];
        var sum = 0.0;
        for (var image = 0; image < images; image++)
            upTo[image] = sum += 1.0 / (image + 1);
        return [.. Enumerable.Range(0, requests).Select(_ => FirstAbove(upTo, random.NextDouble() * sum))];
    }

    private static int FirstAbove(double[] upTo, double value)
    {
        var found = Array.BinarySearch(upTo, value);
        return Math.Min(upTo.Length - 1, found < 0 ? ~found : found);
    }

    public static async Task<ReplayedStream> RunAsync(IPredictor digits, int[] stream, MnistTestSet images, int callers)
    {
        var result = new ReplayedStream();
        var mapper = new DigitMapper();
        var next = -1;

        async Task CallAsync()
        {
            for (int i; (i = Interlocked.Increment(ref next)) < stream.Length;)
            {
                using var prediction = await digits.PredictAsync(images.Sample(stream[i]));
                if (!prediction.IsOk) continue;
                result._answers.AddOrUpdate(prediction.Origin.Model?.Name ?? "nobody", 1, static (_, count) => count + 1);
                if (mapper.Decode(prediction).Value == images.LabelOf(stream[i])) Interlocked.Increment(ref result._right);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(CallAsync)));
        return result;
    }
}
