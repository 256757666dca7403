using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// Requests of different lengths: an encoder of 6 layers and a width of 384 with a mask, lengths from 4 to 64 of a mean of 15, 64 callers.
/// The limit is the raw runtime with all requests known before. They are sorted by length and run together without any filling, by as many
/// threads as there are cores.
/// </summary>
internal static class LengthRows
{
    public static readonly Claim Limit = Claim.AtLeast("batching.lengths_vs_limit", "ratio", 0.95);
    public static readonly Claim P99 = Claim.AtMost("batching.lengths_p99", "ratio", 1);

    private const int Callers = 64;
    private const int Requests = 1280;
    private const int MaxBatch = 64;
    private const int Width = 384;
    private const int Pairs = 5;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        var model = EncoderModel.Create(1, 6, Width, 6, masked: true);
        var lengths = Lengths();
        using var padded = new BatchedModel(model, static options =>
        {
            options.MaxBatchSize = MaxBatch;
            options.Padding.Axis = "tokens";
            options.Padding.MaskInput = "mask";
        });
        using var plain = new BatchedModel(model, MaxBatch);
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(model, options);
        var requests = lengths.Select(Request).ToArray();

        // Lengths are learnt, batches measured, and both ways compared, from some thousands of requests.
        for (var i = 0; i < 4; i++)
            Ask(padded.Predictor, requests);
        Ask(plain.Predictor, requests);
        Offline(session, lengths);

        var (shares, tails) = (new List<double>(), new List<double>());
        double limit = 0, ours = 0, without = 0;
        for (var pair = 0; pair < Pairs; pair++)
        {
            limit = Offline(session, lengths);
            var (seconds, p99) = Ask(padded.Predictor, requests);
            var (secondsWithout, p99Without) = Ask(plain.Predictor, requests);
            shares.Add(limit / seconds);
            tails.Add(p99 / p99Without);
            (ours, without) = (seconds, secondsWithout);
        }

        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"an encoder of 6 x {Width}, lengths 4 to 64 of a mean of {lengths.Average():0.0}, {Callers} callers, padding to learnt "
                + $"lengths; the last {Requests} requests: {limit:0.00} s offline without filling, {ours:0.00} s, without padding "
                + $"{without:0.00} s; mean batch {padded.MeanBatch:0.0}, without padding {plain.MeanBatch:0.0}");
        yield return Limit.Row(MedianEstimate.Of(shares), text);
        yield return P99.Row(MedianEstimate.Of(tails), $"the p99 of the same callers over theirs without padding; {text}");
    }

    /// <summary>The same lengths each time: 4 and an exponential of a mean of 11, up to 64.</summary>
    private static int[] Lengths()
    {
        var random = new Random(3);
        return [.. Enumerable.Range(0, Requests).Select(_ => Math.Min(64, 4 + (int)(-12 * Math.Log(1 - random.NextDouble()))))];
    }

    private static PredictionInputs Request(int length)
    {
        var random = new Random(length);
        return PredictionInputs.Row(
            PredictionInput.Tensor("x", Numbers(random, length * Width), [length, Width]),
            PredictionInput.Tensor("mask", Enumerable.Repeat(1f, length).ToArray(), [length]));
    }

    private static float[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];

    /// <summary>Callers that ask for one after the other.</summary>
    /// <returns>The seconds for all, and the p99 of one in seconds.</returns>
    private static (double Seconds, double P99) Ask(IPredictor predictor, PredictionInputs[] requests)
    {
        var next = -1;
        var times = new double[requests.Length];
        var started = Stopwatch.GetTimestamp();
        Task.WaitAll([.. Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref next) is var i && i < requests.Length)
            {
                var asked = Stopwatch.GetTimestamp();
                using var prediction = await predictor.PredictAsync(requests[i]).ConfigureAwait(false);
                prediction.EnsureOk();
                times[i] = Stopwatch.GetElapsedTime(asked).TotalSeconds;
            }
        }))]);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Array.Sort(times);
        return (seconds, times[(int)(times.Length * 0.99)]);
    }

    /// <returns>The seconds for all.</returns>
    private static double Offline(InferenceSession session, int[] lengths)
    {
        var batches = new ConcurrentQueue<(int Rows, int Length)>(lengths.GroupBy(static length => length)
            .SelectMany(static group => group.Chunk(MaxBatch).Select(chunk => (chunk.Length, group.Key)))
            .OrderByDescending(static batch => batch.Item1 * batch.Key));
        var random = new Random(1);
        var numbers = Numbers(random, MaxBatch * 64 * Width);
        var mask = Enumerable.Repeat(1f, MaxBatch * 64).ToArray();
        var started = Stopwatch.GetTimestamp();
        Task.WaitAll([.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Task.Run(() =>
        {
            using var run = new RunOptions();
            while (batches.TryDequeue(out var batch))
            {
                using var x = OrtValue.CreateTensorValueFromMemory<float>(
                    OrtMemoryInfo.DefaultInstance, numbers.AsMemory(0, batch.Rows * batch.Length * Width),
                    [batch.Rows, batch.Length, Width]);
                using var real = OrtValue.CreateTensorValueFromMemory<float>(
                    OrtMemoryInfo.DefaultInstance, mask.AsMemory(0, batch.Rows * batch.Length), [batch.Rows, batch.Length]);
                using var outputs = session.Run(run, ["x", "mask"], [x, real], session.OutputNames);
            }
        }))]);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
