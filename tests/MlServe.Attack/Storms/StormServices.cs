using MlServe.Batching;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Attack.Storms;

/// <summary>The models of a storm behind pipelines of all kinds, all at one gate.</summary>
internal sealed class StormServices : IAsyncDisposable
{
    private readonly RunGate _gate = new();
    private readonly Random _random;
    private readonly OnnxPredictor _sibling;

    public StormServices(Random random, string? cases)
    {
        _random = random;
        var hedged = StormModel.Make(
            [Mlp("hedged", "1", 6, 32, 5), Mlp("hedged", "2", 6, 32, 5), Mlp("sibling", "1", 6, 32, 5)], [6], random);
        _sibling = Load(hedged[2]);
        All =
        [
            Make(
                "cached", [4, 16, 3],
                static builder => builder.UseTelemetry("cached").UseCache().UseTimeout().UseCircuitBreaker().UseBatching()),
            Make(
                "batched", [784, 256, 10],
                static builder => builder.UseTelemetry("batched").UseTimeout().UseBatching(static options => options.MaxBatchSize = 16)),
            Make("queued", [8, 16, 4], static builder => builder.UseBatching(static options => options.RunMode = RunMode.Queued)),
            Make(
                "held", [8, 16, 4],
                static builder => builder.UseBatching(static options => options.MaxQueueDelay = TimeSpan.FromMilliseconds(2))),
            Make("direct", [64, 128, 8], static builder => builder.UseTelemetry("direct"), new() { MaxQueuedRequests = 64 }),
            Make("timed", [64, 128, 8], static builder => builder.UseTimeout().UseCircuitBreaker()),
            Make("slow", [512, 1024, 1024, 16], static builder => builder.UseBatching(static options => options.MaxBatchSize = 32)),
            Make(
                "layered", [8, 32, 6],
                static builder => builder.UseTelemetry("layered").UseCache().UseTimeout().Use(static inner => new StormLayer(inner))
                .UseCircuitBreaker().UseBatching()),
            Make("wrapped", [8, 48, 6], static builder => builder.Use(static inner => new StormLayer(inner)).UseCache()
                .Use(static inner => new StormLayer(inner)).UseTimeout().UseBatching(static options => options.RunMode = RunMode.Queued)),
            Make("layered-direct", [32, 64, 6], static builder => builder.Use(static inner => new StormLayer(inner))),
            new(hedged[..2], null, builder =>
                builder.UseFallback(chain => chain.To(_sibling).After(TimeSpan.FromMilliseconds(3))).UseBatching(), _gate),
            new(StormModel.Make(
                [Scaling("padded", "1", 2), Scaling("padded", "2", 3)], [1, 3, 4, 7, 8, 13], random), null,
                static builder => builder.UseBatching(static options =>
            {
                options.Padding.Axis = "length";
                options.Padding.Buckets = [4, 8, 16];
            }), _gate),
        ];
        foreach (var file in cases is null ? Enumerable.Empty<string>() : Directory.GetFiles(cases, "*.onnx").Order())
        {
            if (Case(file) is not { } service)
            {
                Skipped++;
                continue;
            }

            All.Add(service);
            Cases++;
        }

        Tables = All.SelectMany(static service => service.Versions)
            .Append(hedged[2])
            .ToDictionary(static model => $"{model.Name}/{model.Version}");
    }

    public List<StormService> All { get; } = [];

    /// <summary>By name and version, as an answer's origin says them.</summary>
    public IReadOnlyDictionary<string, StormModel> Tables { get; }

    /// <summary>Files of the cases that are asked like the others.</summary>
    public int Cases { get; }

    /// <summary>Files of the cases that do not fit.</summary>
    public int Skipped { get; }

    /// <summary>Runs that are under way, or wait.</summary>
    public int AtTheGate => _gate.CurrentRuns + _gate.CurrentWaiters;

    public async ValueTask DisposeAsync()
    {
        foreach (var service in All)
            await service.DisposeAsync().ConfigureAwait(false);
        await _sibling.DisposeAsync().ConfigureAwait(false);
    }

    private StormService Make(
        string name, int[] layers, Func<PredictorBuilder, PredictorBuilder> build, OnnxModelOptions? options = null) =>
        new(StormModel.Make([Mlp(name, "1", layers), Mlp(name, "2", layers)], [layers[0]], _random), options, build, _gate);

    private (string Name, string Version, byte[] Bytes) Mlp(string name, string version, params int[] layers) =>
        (name, version, OnnxModel.Mlp(_random.Next(), layers));

    /// <summary>y = factor · x on rows of any length.</summary>
    private static (string Name, string Version, byte[] Bytes) Scaling(string name, string version, float factor) => (
        name,
        version,
        new OnnxModel().Input("x", OnnxModel.Float, "batch", "length").Output("y", OnnxModel.Float, "batch", "length")
            .Initializer("factor", [factor], 1).Node("Mul", ["x", "factor"], ["y"]).ToBytes());

    private static OnnxPredictor Load(StormModel model) => OnnxPredictor.LoadAsync(
        ModelSource.FromBytes(model.Bytes), null, new() { RunGate = new(1), Name = model.Name, Version = model.Version })
        .AsTask()
        .GetAwaiter()
        .GetResult();

    private StormService? Case(string file)
    {
        try
        {
            var (name, bytes) = (Path.GetFileName(file), File.ReadAllBytes(file));
            using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(bytes);
            if (session.InputMetadata.Count != 1 || session.OutputMetadata.Count != 1) return null;
            var (input, output) = (session.InputMetadata.Values.Single(), session.OutputMetadata.Values.Single());
            if (input.ElementType != typeof(float) || output.ElementType != typeof(float)) return null;
            if (input.Dimensions is not [-1, > 0 and var length] || output.Dimensions is not [-1, > 0]) return null;
            return new(
                StormModel.Make([(name, "1", bytes)], [length], _random), null, static builder => builder.UseTimeout().UseBatching(),
                _gate);
        }
        catch (Microsoft.ML.OnnxRuntime.OnnxRuntimeException)
        {
            return null;
        }
    }
}
