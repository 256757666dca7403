using System.Diagnostics;
using MlServe.Benchmarks.Measurement;
using MlServe.Caching;
using MlServe.Onnx;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>The cache: what a hit takes, beside the run that it saves, and what a miss takes on top of the run.</summary>
internal static class CacheRows
{
    private const int Calls = 20_000;
    private const int HotKeys = 512;
    private const int Pixels = 784;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        using var model = OnnxPredictor.LoadAsync(ModelSource.FromFile(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"))).AsTask().GetAwaiter().GetResult();
        using var cached = new PredictorBuilder(model).UseCache().Build();
        PredictionInputs[] requests = [.. Enumerable.Range(0, HotKeys).Select(static key => PredictionInputs.Row(Image(key)))];
        foreach (var request in requests)
            Answer(cached, request);

        void Hit(int calls)
        {
            for (var i = 0; i < calls; i++)
                Answer(cached, requests[i & (HotKeys - 1)]);
        }

        var hit = Nanoseconds(windows, Hit, Calls);
        yield return new("cache.hit_ns", hit.Median, "ns", 1000, HigherIsBetter: false, (hit.Low, hit.High),
            $"one thread, {HotKeys} keys in turn, {Pixels * sizeof(float)} bytes of input each, the answer read");

        var ratio = PairedWindows.Ratio(windows, Hit, calls =>
        {
            for (var i = 0; i < calls; i++)
                Answer(model, requests[i & (HotKeys - 1)]);
        });
        yield return new("cache.hit_vs_run", ratio.Median, "ratio", 0.05, HigherIsBetter: false, (ratio.Low, ratio.High), "a hit over a direct run of digits.onnx");

        yield return new("cache.hit_bytes", Bytes(Hit), "B", 0.5, HigherIsBetter: false, null, $"allocated by the whole process a hit, the least of 5 rounds of {Calls}");
        yield return MissOverhead(windows);
        yield return TwoThreads(windows, Hit);
    }

    private static ScorecardRow MissOverhead(int windows)
    {
        using var inner = new ConstantPredictor();
        using var cached = new PredictorBuilder(inner)
            .UseCache(static options => (options.SizeLimit, options.SwitchOffWhenUseless) = (1024 * 1024, false)).Build();
        var image = Image(1);
        var request = PredictionInputs.Row(image);
        var next = 0;

        void Miss(int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                image[0] = BitConverter.Int32BitsToSingle(next++);
                Answer(cached, request);
            }
        }

        void Plain(int calls)
        {
            for (var i = 0; i < calls; i++)
                Answer(inner, request);
        }

        Miss(Calls);
        var plain = Nanoseconds(windows, Plain, Calls).Median;
        var miss = Nanoseconds(windows, Miss, Calls);
        return new("cache.miss_overhead_ns", miss.Median - plain, "ns", 5000, HigherIsBetter: false, (miss.Low - plain, miss.High - plain),
            "a request never asked before, on top of the call: key, two look-ups, the answer copied and kept, another evicted");
    }

    private static ScorecardRow TwoThreads(int windows, Action<int> hit)
    {
        var ratio = PairedWindows.Ratio(windows, hit, calls =>
        {
            var other = new Thread(() => hit(calls / 2));
            other.Start();
            hit(calls - (calls / 2));
            other.Join();
        });
        return new("cache.throughput_2_threads", ratio.Median, "ratio", 1.5, HigherIsBetter: true, (ratio.Low, ratio.High),
            $"hits a second of two threads over those of one, the same {HotKeys} keys; {Environment.ProcessorCount} cores");
    }

    private static MedianEstimate Nanoseconds(int windows, Action<int> action, int calls)
    {
        // Until the code is compiled as it stays.
        for (var round = 0; round < 10; round++)
            action(calls);
        var samples = new List<double>(windows);
        for (var window = 0; window < windows; window++)
        {
            var started = Stopwatch.GetTimestamp();
            action(calls);
            samples.Add(Stopwatch.GetElapsedTime(started).TotalNanoseconds / calls);
        }

        return MedianEstimate.Of(samples);
    }

    private static double Bytes(Action<int> action)
    {
        var least = double.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            action(Calls);
            least = Math.Min(least, (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / Calls);
        }

        return Math.Round(least, 3);
    }

    private static float[] Image(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Pixels).Select(_ => random.NextSingle())];
    }

    private static float Answer(IPredictor predictor, PredictionInputs request)
    {
        var pending = predictor.PredictAsync(request);
        using var prediction = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
        return prediction[0].AsSpan<float>()[0];
    }
}
