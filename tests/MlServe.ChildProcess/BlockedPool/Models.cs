using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Threading;
using Polly;
using Polly.Retry;

namespace MlServe.ChildProcess.BlockedPool;

/// <summary>The ways: pipelines around models whose gate is shut until all have asked, and what to ask them.</summary>
internal sealed class Models(string folder) : IDisposable
{
    private const int BatchSize = 4;

    // Long enough for all to wait by then, on a busy machine too: an answer that comes while a task begins to be awaited goes on on the
    // pool, and no library can help that.
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);

    private readonly List<IDisposable> _made = [];

    public IEnumerable<Way> Ways() => Direct().Concat(Batched()).Concat(Cached()).Concat(Resilient()).Concat(Layers()).Concat(Others());

    public void Dispose()
    {
        foreach (var made in Enumerable.Reverse(_made))
            made.Dispose();
    }

    private IEnumerable<Way> Direct()
    {
        foreach (var way in Both("direct", static builder => builder)) yield return way;
        yield return Late("direct", static builder => builder, Short);
        yield return Late("timeout", static builder => builder.UseTimeout(Short));
        yield return Cancelled("direct", static builder => builder);
    }

    private IEnumerable<Way> Batched()
    {
        foreach (var way in Both("batched", Batch)) yield return way;
        foreach (var way in Both("batched-long-runs", Batch, "chain.onnx", static (_, _, ask) => ask(PredictionInputs.Row(new float[256]))))
            yield return way;
        foreach (var way in Both("split", Batch, ask: static (_, i, ask) => ask(Rows(i, 3 * BatchSize)))) yield return way;
        foreach (var way in Both("padded", Pad, "free.onnx", static (_, i, ask) => ask(PredictionInputs.Row(new float[] { i, i, i }))))
            yield return way;
        foreach (var way in Both("no-rows", Batch, ask: static (_, i, ask) => ask(Rows(i, 0)))) yield return way;
        yield return Late("batched", Batch, Short);
        yield return Late("no-rows", Batch, Short, static (predictor, i) => Answers.Block(predictor, i, Rows(i, 0), Short));
        yield return Cancelled("batched", Batch);
        yield return new("held-back", Asking(Open(static builder => builder.UseBatching(static options =>
        {
            options.RunMode = RunMode.Queued;
            options.MaxQueueDelay = Short;
        })), Answers.Block));
        yield return new("inline-late", Asking(
            Open(
                static builder => builder.UseBatching(static options => options.RunMode = RunMode.Inline), "long.onnx",
                new(Environment.ProcessorCount)),
            static (predictor, i) => Answers.Block(predictor, i, PredictionInputs.Rows(new float[64 * 256], 64), Short)), Answers.Late);
    }

    private IEnumerable<Way> Cached()
    {
        static PredictorBuilder Cache(PredictorBuilder builder) => Batch(builder.UseCache());
        foreach (var way in Both("cached", Cache)) yield return way;
        foreach (var way in Both("followers", Cache, ask: static (_, _, ask) => ask(Answers.Row(0)), isSame: true)) yield return way;
        yield return Late(
            "followers", static builder => builder.UseCache(), Short,
            static (predictor, _) => Answers.Block(predictor, 0, Answers.Row(0), Short));

        // The one that computes gives up, and one that waits goes on in its place.
        var first = new CancellationTokenSource();
        var (predictor, gate) = Shut(Cache);
        yield return new("succession", i =>
        {
            if (i > 0) SpinWait.SpinUntil(() => gate.CurrentWaiters > 0);
            var said = Answers.Of(() => Answers.Block(predictor, 0, Answers.Row(0), null, i == 0 ? first.Token : default));
            return i == 0 && said == Answers.Cancelled ? Answers.Ok : said;
        }, Release: () =>
        {
            first.Cancel();
            Thread.Sleep(Short);
            gate.Exit();
        });
        foreach (var way in Both("second-level", static builder => builder.UseCache(static options => options.UseHybridCache = true)))
            yield return way;
    }

    private IEnumerable<Way> Resilient()
    {
        var other = Open(static builder => builder, "free.onnx");
        foreach (var way in Both(
            "fallback", builder => builder.UseFallback(chain => chain.To(other)), options: new() { MaxQueuedRequests = 0 }, opens: false))
            yield return way;
        foreach (var way in Both("hedge", builder => builder.UseFallback(chain => chain.To(other).After(Short)), opens: false))
            yield return way;
        foreach (var way in Both("circuit", static builder => Batch(builder.UseCircuitBreaker()))) yield return way;
        foreach (var way in Both("polly", static builder => Batch(builder.UseResiliencePipeline(
            new ResiliencePipelineBuilder<Prediction>().AddRetry(new RetryStrategyOptions<Prediction>()).Build())))) yield return way;
        foreach (var way in Both(
            "chaos",
            static builder => Batch(builder.UseChaos(static options => (options.Enabled, options.LatencyRate, options.Latency) =
                (true, 1, Short)))))
            yield return way;
    }

    private IEnumerable<Way> Layers()
    {
        foreach (var way in Both(
            "layer", static builder => Batch(builder.UseTimeout(Answers.Patience).Use(static inner => new Passing(inner)))))
            yield return way;
        yield return Late("layer", static builder => builder.UseTimeout(Short).Use(static inner => new Passing(inner)));

        // Layers that block hold all threads that are there for layers, and nobody's answer.
        var layers = new BlockingLayers();
        var blocking = Open(layers.Around);
        var other = Open(Batch);
        yield return new("layers-block", i => layers.Go(() =>
        {
            var late = i > 0 ? [] : Enumerable.Range(0, BlockingLayers.Calls)
                .Select(row => blocking.PredictAsync(Answers.Row(row), new() { Timeout = BlockingLayers.Timeout }).AsTask()).ToList();
            layers.WaitUntilAllAreInside();
            var said = Answers.Of(() => Answers.Block(other, i));
            if (said != Answers.Ok) return said;
            return late.TrueForAll(static task => task.Wait(Answers.Patience) && task.Result.Status == PredictionStatus.DeadlineExceeded)
                ? Answers.Ok
                : "The layers' callers have no answer.";
        }));
    }

    private IEnumerable<Way> Others()
    {
        foreach (var way in Both("telemetry", static builder => Batch(builder.UseTelemetry("model")))) yield return way;
        foreach (var way in Both("all", static builder => Batch(builder.UseTelemetry("model").UseCache().UseTimeout().UseCircuitBreaker())))
            yield return way;

        // As a task that ends on another thread while it begins to be awaited.
        yield return new("ends-meanwhile", static _ =>
        {
            var isGoingOn = new ManualResetEventSlim();
            UrgentEnd.Of(Task.CompletedTask).UnsafeOnCompleted(isGoingOn.Set);
            return isGoingOn.Wait(Answers.Patience) ? Answers.Ok : "Stuck";
        });

        var (typed, typedGate) = Shut(Batch);
        var door = typed.As<int, float>(
            static (i, writer) => writer.Tensor<float>(4).Fill(i), static prediction => prediction[0].AsSpan<float>()[0]);
        yield return new("typed", i => Answers.Wait(door.PredictAsync(i)) == (2 * i) + 1 ? Answers.Ok : "wrong", Release: typedGate.Exit);
        (typed, typedGate) = Shut(Batch);
        var syncDoor = typed.As<int, float>(
            static (i, writer) => writer.Tensor<float>(4).Fill(i), static prediction => prediction[0].AsSpan<float>()[0]);
        yield return new("typed-predict", i => syncDoor.Predict(i) == (2 * i) + 1 ? Answers.Ok : "wrong", Release: typedGate.Exit);

        var (many, manyGate) = Shut(Batch);
        yield return new("many", i =>
        {
            using var answers = Answers.Wait(many.PredictManyAsync([.. Enumerable.Repeat(Answers.Row(i), 10)]));
            return answers.Select(answer => Answers.Say(() => answer, i)).Distinct().Single();
        }, Release: manyGate.Exit);

        // Requests stand in line while the pool's threads wait for the end.
        foreach (var (name, build) in new (string, Func<PredictorBuilder, PredictorBuilder>)[] { ("dispose", static builder => builder),
            ("dispose-batched", Batch), ("dispose-cached", static builder => Batch(builder.UseCache())) })
        {
            var (closing, gate) = Shut(build);
            var pending = Enumerable.Range(0, 8).Select(i => closing.PredictAsync(Answers.Row(i)).AsTask()).ToList();
            yield return new(name, i =>
            {
                if (!closing.DisposeAsync().AsTask().Wait(Answers.Patience)) throw new TimeoutException();
                return pending.TrueForAll(static task => task.Wait(Answers.Patience)) ? Answers.Ok : "not answered";
            }, Release: gate.Exit);
        }
    }

    /// <summary>A way by the task, and one by the synchronous call.</summary>
    private IEnumerable<Way> Both(
        string name, Func<PredictorBuilder, PredictorBuilder> build, string file = "affine.onnx",
        Func<IPredictor, int, Func<PredictionInputs, Prediction>, Prediction>? ask = null,
        OnnxModelOptions? options = null, bool opens = true, bool isSame = false)
    {
        ask ??= static (_, i, ask) => ask(Answers.Row(i));
        foreach (var isSync in new[] { false, true })
        {
            var (predictor, gate) = Shut(build, file, options);
            yield return new(
                isSync ? $"{name}-predict" : name,
                i =>
                    Answers.Say(
                        () =>
                            ask(predictor, i, inputs => isSync ? predictor.Predict(inputs) : Answers.Wait(predictor.PredictAsync(inputs))),
                        isSame || file == "chain.onnx" ? null : i),
                Release: opens ? gate.Exit : null);
        }
    }

    private Way Late(
        string name, Func<PredictorBuilder, PredictorBuilder> build, TimeSpan? timeout = null, Func<IPredictor, int, string>? ask = null)
    {
        var (predictor, _) = Shut(build);
        return new(
            $"{name}-late", i => ask is null ? Answers.Block(predictor, i, Answers.Row(i), timeout) : ask(predictor, i), Answers.Late);
    }

    private Way Cancelled(string name, Func<PredictorBuilder, PredictorBuilder> build)
    {
        var (predictor, _) = Shut(build);
        var source = new CancellationTokenSource();
        return new(
            $"{name}-cancelled", i => Answers.Block(predictor, i, Answers.Row(i), null, source.Token), Answers.Cancelled, source.Cancel);
    }

    private static Func<int, string> Asking(IPredictor predictor, Func<IPredictor, int, string> ask) => i => ask(predictor, i);

    private static PredictorBuilder Batch(PredictorBuilder builder) =>
        builder.UseBatching(static options => (options.RunMode, options.MaxBatchSize) = (RunMode.Queued, BatchSize));

    private static PredictorBuilder Pad(PredictorBuilder builder) => builder.UseBatching(static options =>
    {
        options.RunMode = RunMode.Queued;
        options.Padding.Axis = "T";
        options.Padding.Buckets = [8];
    });

    private static PredictionInputs Rows(int i, int rows) => PredictionInputs.Rows(Enumerable.Repeat((float)i, 4 * rows).ToArray(), rows);

    private (IPredictor Predictor, RunGate Gate) Shut(
        Func<PredictorBuilder, PredictorBuilder> build, string file = "affine.onnx", OnnxModelOptions? options = null)
    {
        var gate = new RunGate(1);
        var predictor = Open(build, file, gate, options);
        if (!gate.TryEnter()) throw new InvalidOperationException("Somebody runs.");
        return (predictor, gate);
    }

    private IPredictor Open(
        Func<PredictorBuilder, PredictorBuilder> build, string file = "affine.onnx", RunGate? gate = null, OnnxModelOptions? options = null)
    {
        gate ??= new(1);
        var model = OnnxPredictor.Load(Path.Combine(folder, file), options, new() { RunGate = gate, Name = $"model{_made.Count}" });
        var predictor = build(new(model)).Build(new Services(gate));
        _made.AddRange([model, predictor]);
        return predictor;
    }

    private sealed class Passing(IPredictor inner) : DelegatingPredictor(inner);

    private sealed class Services(RunGate gate) : IServiceProvider
    {
        private readonly NoHybridCache _cache = new();

        public object? GetService(Type serviceType) =>
            serviceType.IsInstanceOfType(gate) ? gate : serviceType.IsInstanceOfType(_cache) ? _cache : null;
    }
}
