using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlServe.Guests;

namespace MlServe.Onnx;

/// <summary>The parts of its surroundings that a model gets when it is loaded. Every part has a default.</summary>
public sealed class ModelLoadContext
{
    /// <summary>The name of the model, in metrics, logs and messages. Default: <c>default</c>.</summary>
    public string Name { get; init; } = "default";

    /// <summary>The name of the version. Default: <c>1</c>.</summary>
    public string Version { get; init; } = "1";

    /// <summary>Bounds the runs of all models of one host. Default: <see cref="MlServe.RunGate.Shared"/>.</summary>
    public RunGate RunGate { get; init; } = RunGate.Shared;

    /// <summary>The clock. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The destination of logs. Default: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>
    /// Whether the model is only tried, in a process of its own. A run for which there is not enough memory is then a reason against it.
    /// </summary>
    internal bool IsCheck { get; init; }

    /// <summary>The clock, behind a guard.</summary>
    internal TimeProvider Clock => GuardedTime.Of(TimeProvider);

    /// <summary>The log, behind a guard; one that says nothing if there is none.</summary>
    internal ILogger Logger => GuardedLogger.Of(LoggerFactory) ?? NullLogger.Instance;
}
