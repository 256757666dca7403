using MlServe.Benchmarks.Measurement;
using MlServe.Caching;
using MlServe.Onnx;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>The cache: what a hit takes, beside the run that it saves, and what a miss takes on top of the run.</summary>
internal static class CacheRows
{
    public static readonly Claim Hit = Claim.AtMost("cache.hit_ns", "ns", 1000);
    public static readonly Claim HitVsRun = Claim.AtMost("cache.hit_vs_run", "ratio", 0.05);
    public static readonly Claim HitBytes = Claim.AtMost("cache.hit_bytes", "B", 0.5);
    public static readonly Claim MissOverhead = Claim.AtMost("cache.miss_overhead_ns", "ns", 5000);
    public static readonly Claim Throughput = Claim.AtLeast("cache.throughput_2_threads", "ratio", 1.5);

    public static readonly Claim[] Claims = [Hit, HitVsRun, HitBytes, MissOverhead, Throughput];

    private const int Calls = 20_000;
    private const int HotKeys = 512;
    private const int Pixels = 784;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        using var model = OnnxPredictor.LoadAsync(ModelSource.FromFile(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx")))
            .AsTask()
            .GetAwaiter()
            .GetResult();
        using var pipeline = new PredictorBuilder(model).UseCache().Build();
        var cached = Sabotage.Wrap(pipeline);
        PredictionInputs[] requests = [.. Enumerable.Range(0, HotKeys).Select(static key => PredictionInputs.Row(Image(key)))];
        foreach (var request in requests)
            Answer(cached, request);

        void AskAgain(int calls)
        {
            for (var i = 0; i < calls; i++)
                Answer(cached, requests[i & (HotKeys - 1)]);
        }

        var hit = CallCost.Nanoseconds(windows, AskAgain, Calls);
        yield return Hit.Row(hit, $"one thread, {HotKeys} keys in turn, {Pixels * sizeof(float)} bytes of input each, the answer read");

        var ratio = PairedWindows.Ratio(windows, AskAgain, calls =>
        {
            for (var i = 0; i < calls; i++)
                Answer(model, requests[i & (HotKeys - 1)]);
        });
        yield return HitVsRun.Row(ratio, "a hit over a direct run of digits.onnx");

        yield return HitBytes.Row(
            CallCost.Bytes(AskAgain, Calls), $"allocated by the whole process a hit, the least of 5 rounds of {Calls}");
        yield return Miss(windows);
        yield return TwoThreads(windows, AskAgain);
    }

    private static ScorecardRow Miss(int windows)
    {
        using var inner = new ConstantPredictor();
        using var pipeline = new PredictorBuilder(inner)
            .UseCache(static options => (options.SizeLimit, options.SwitchOffWhenUseless) = (1024 * 1024, false)).Build();
        var cached = Sabotage.Wrap(pipeline);
        var image = Image(1);
        var request = PredictionInputs.Row(image);
        var next = 0;

        void AskAnew(int calls)
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

        // Full, so that each answer drives another out.
        AskAnew(10 * Calls);
        var (overhead, _) = PairedWindows.Difference(windows, AskAnew, Plain, 1e9);
        return MissOverhead.Row(
            overhead, "a request never asked before, on top of the call: key, two look-ups, the answer copied and kept, another evicted");
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
        return Throughput.Row(
            ratio, $"hits a second of two threads over those of one, the same {HotKeys} keys; {Environment.ProcessorCount} cores");
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
