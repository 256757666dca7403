using MlServe.Onnx;

namespace MlServe.Attack.Storms;

/// <summary>A model behind a pipeline, in one of two versions: now and then the other takes its place while callers are at it.</summary>
internal sealed class StormService(
    StormModel[] versions, OnnxModelOptions? options, Func<PredictorBuilder, PredictorBuilder> build, RunGate gate)
{
    private Loaded _loaded = null!;
    private int _next;

    public StormModel[] Versions => versions;

    public IPredictor Predictor => Volatile.Read(ref _loaded).Predictor;

    /// <summary>
    /// Loads the next version, lets it take the place of the one before, and waits until that has answered all that it had accepted.
    /// </summary>
    public async Task ReloadAsync()
    {
        var version = versions[_next++ % versions.Length];
        var model = await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(version.Bytes), options,
            new() { RunGate = gate, Name = version.Name, Version = version.Version }).ConfigureAwait(false);
        var loaded = new Loaded(model, build(new(model)).Build(new Services(gate)));
        if (Interlocked.Exchange(ref _loaded, loaded) is { } old) await old.DisposeAsync().ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _loaded.DisposeAsync();

    private sealed record Loaded(OnnxPredictor Model, IPredictor Predictor)
    {
        public async ValueTask DisposeAsync()
        {
            await Predictor.DisposeAsync().ConfigureAwait(false);
            await Model.DisposeAsync().ConfigureAwait(false);
        }
    }

    private sealed class Services(RunGate gate) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType.IsInstanceOfType(gate) ? gate : null;
    }
}
