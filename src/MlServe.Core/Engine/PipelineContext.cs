using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MlServe.Guests;

namespace MlServe;

/// <summary>
/// The parts that the layers of a pipeline are built with: the model's identity, and the host's services. It is read out of a container
/// once (<see cref="From"/>), and is a container itself, so that <see cref="PredictorBuilder.Build"/> takes it as one. Immutable and safe
/// for concurrent use.
/// </summary>
[Experimental("MLSERVE001")]
public sealed record PipelineContext : IServiceProvider
{
    /// <summary>The model; of one that does not say who it is, one with the name <c>unnamed</c>.</summary>
    public ModelIdentity Identity { get; init; } = new("unnamed");

    /// <summary>The model's promise to its callers; null: nothing is said.</summary>
    public ServiceLevel? ServiceLevel { get; init; }

    /// <summary>The host's meters; null: the meter of the process.</summary>
    public IMeterFactory? Meters { get; init; }

    /// <summary>
    /// The log; null: there is none. Read out of a container it does not throw, although the application's logger may.
    /// </summary>
    public ILogger? Logger { get; init; }

    /// <summary>
    /// The clock for all that a layer times. Default: the system's. Read out of a container it does not throw, although the application's
    /// clock may.
    /// </summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Takes the events of the model; null: nobody listens.</summary>
    public ModelEvents? Events { get; init; }

    /// <summary>Finds other models by their names; null: names mean nothing.</summary>
    public IPredictorDirectory? Models { get; init; }

    /// <summary>Says who asks, if a request's options do not; null: nobody does.</summary>
    public ICallerAccessor? Callers { get; init; }

    /// <summary>
    /// Whether the layers are built once more, to be warmed up. Nothing of it leads anywhere then. A layer must keep no trace of a request,
    /// and must call nothing that is somebody else's. Layers look at it when they are made, not at each request.
    /// </summary>
    public bool IsWarmUp { get; init; }

    /// <summary>The container itself, for services without a name here; null: nothing is registered.</summary>
    public IServiceProvider? Services { get; init; }

    /// <summary>The meter by which instruments are made.</summary>
    internal GuardedMeter Meter => GuardedMeter.For(Meters, Logger);

    /// <summary>The container as a layer of the application's is given it.</summary>
    internal IServiceProvider Container => Services ?? this;

    /// <summary>Reads a container.</summary>
    /// <param name="services">The container; null: nothing is registered. A context is returned as it is.</param>
    public static PipelineContext From(IServiceProvider? services) => services switch
    {
        null => new(),
        PipelineContext context => context,
        _ => new()
        {
            Services = services,
            ServiceLevel = services.Find<ServiceLevel>(),
            Meters = services.Find<IMeterFactory>(),
            Logger = services.FindLogger(),
            Time = services.FindClock(),
            Events = services.Find<ModelEvents>(),
            Models = services.Find<IPredictorDirectory>(),
            Callers = services.Find<ICallerAccessor>(),
        },
    };

    /// <summary>
    /// A service of a package or of the application, beside the parts that are named here. The built-in layers find <see cref="RunGate"/>,
    /// the cache's stores and a <c>HybridCache</c> so. Asked for when a layer is made, not at each request.
    /// </summary>
    /// <typeparam name="T">The service.</typeparam>
    /// <returns>The service; null if it is not registered, and always in a warm-up.</returns>
    public T? Find<T>()
        where T : class => Services?.Find<T>();

    /// <summary>The same for the model that a pipeline is built around, as far as it says who it is.</summary>
    internal PipelineContext For(IPredictor model) =>
        model.GetService<ModelIdentity>() is { } identity ? this with { Identity = identity } : this;

    object? IServiceProvider.GetService(Type serviceType) =>
        serviceType == typeof(ServiceLevel) && ServiceLevel is { } level ? level : Services?.GetService(serviceType);
}
