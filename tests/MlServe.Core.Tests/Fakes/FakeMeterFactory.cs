using System.Diagnostics.Metrics;

namespace MlServe.Tests.Fakes;

/// <summary>Gives one meter to each name, as the framework's own factory does, with itself as the scope.</summary>
internal sealed class FakeMeterFactory : IMeterFactory
{
    private readonly Dictionary<string, Meter> _meters = [];

    public int Creations { get; private set; }

    public Meter Create(MeterOptions options)
    {
        Creations++;
        if (_meters.TryGetValue(options.Name, out var meter)) return meter;
        options.Scope = this;
        return _meters[options.Name] = new(options);
    }

    public void Dispose()
    {
        foreach (var meter in _meters.Values)
            meter.Dispose();
    }
}
