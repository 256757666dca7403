using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MlServe.Guests;

namespace MlServe;

/// <summary>
/// What the layers of a pipeline are built with: whose model it is, and the host's parts, each behind its guard. It is made out of a
/// container once (<see cref="Of"/>).
/// </summary>
internal sealed record PipelineContext : IServiceProvider
{
    /// <summary>The model; of a model that says nothing, one without a name.</summary>
    public ModelIdentity Identity { get; init; } = new("unnamed");

    /// <summary>What the model promises; null: nothing is said.</summary>
    public ServiceLevel? ServiceLevel { get; init; }

    /// <summary>The host's meters; null: the meter of the process.</summary>
    public IMeterFactory? Meters { get; init; }

    /// <summary>The log; null: there is none.</summary>
    public ILogger? Logger { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Who is told of what happens to the model; null: nobody.</summary>
    public ModelEvents? Events { get; init; }

    /// <summary>Finds models by their names; null: names mean nothing.</summary>
    public IFallbackTargets? Targets { get; init; }

    /// <summary>
    /// Whether the layers are built once more, to be warmed up: nothing of it leads anywhere, and a layer must call nothing that is
    /// somebody else's. Layers look at it when they are made, not at each request.
    /// </summary>
    public bool IsWarmUp { get; init; }

    /// <summary>What is registered by the application, and by packages; null: nothing is.</summary>
    public IServiceProvider? Services { get; init; }

    /// <summary>The meter by which instruments are made.</summary>
    public GuardedMeter Meter => GuardedMeter.For(Meters, Logger);

    /// <summary>Reads a container.</summary>
    /// <param name="services">The container; null: nothing is registered.</param>
    public static PipelineContext Of(IServiceProvider? services) => services switch
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
            Targets = services.Find<IFallbackTargets>(),
        },
    };

    /// <summary>The same for the model that a pipeline is built around, as far as it says who it is.</summary>
    public PipelineContext For(IPredictor model) =>
        model.GetService<ModelIdentity>() is { } identity ? this with { Identity = identity } : this;

    /// <summary>What the application has registered beside the parts that are named here; null: it has not.</summary>
    public T? Find<T>()
        where T : class => Services?.Find<T>();

    /// <summary>The container as a layer of the application's is given it.</summary>
    public IServiceProvider Container => Services ?? this;

    object? IServiceProvider.GetService(Type serviceType) =>
        serviceType == typeof(ServiceLevel) && ServiceLevel is { } level ? level : Services?.GetService(serviceType);
}
