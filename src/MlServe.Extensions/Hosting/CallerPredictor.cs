using Microsoft.Extensions.Logging;
using MlServe.Guests;

namespace MlServe.Hosting;

/// <summary>The door of a host's model: asks the host for the caller if a request's options name nobody.</summary>
internal sealed class CallerPredictor(IPredictor inner, string model, ICallerAccessor accessor, ILogger? logger)
    : DelegatingPredictor(inner), IShieldsCallers, IKeepsDeadlines
{
    // Of the last caller that came without options: who asks often is often the same.
    private PredictionOptions? _last;

    bool IShieldsCallers.IsShielding => Inner is IShieldsCallers { IsShielding: true };

    /// <summary>The door, if the host has an accessor for callers. A warm-up is nobody's, and goes around it.</summary>
    public static IPredictor Around(IPredictor inner, PipelineContext context) =>
        !context.IsWarmUp && context.Callers is { } accessor
            ? new CallerPredictor(inner, context.Identity.Name, accessor, context.Logger)
            : inner;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (options?.Caller is not null) return Inner.PredictAsync(inputs, options, cancellationToken);
        Caller? caller;
        try
        {
            caller = accessor.Current;
        }
#pragma warning disable CA1031 // Passed on without a caller, the request would have the rights of the application itself.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Guards.Report(Guest.Callback, exception, logger);
            return new(Prediction.FromError(Unknown(exception)));
        }

        return Inner.PredictAsync(inputs, caller is null ? options : OptionsOf(caller, options), cancellationToken);
    }

    private PredictionOptions OptionsOf(Caller caller, PredictionOptions? options)
    {
        if (options is not null) return options with { Caller = caller };
        var last = Volatile.Read(ref _last);
        if (last is null || !ReferenceEquals(last.Caller, caller)) Volatile.Write(ref _last, last = new() { Caller = caller });
        return last;
    }

    private PredictionError Unknown(Exception exception) => new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed,
        "Who asks model '{0}' is not known: the host's {1} threw. Mend it, or give PredictionOptions.Caller.", model,
            nameof(ICallerAccessor))
    {
        Exception = exception,
    };
}
