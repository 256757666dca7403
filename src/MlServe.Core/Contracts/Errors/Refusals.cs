namespace MlServe;

/// <summary>
/// The errors of requests that are not answered for reasons which are not their own. Made once for each version, because refusals come in
/// thousands and must cost nothing. Safe for concurrent use.
/// </summary>
/// <param name="model">The model's name.</param>
/// <param name="version">The version that refuses; null if it is not known.</param>
internal sealed class Refusals(string model, ModelIdentity? version)
{
    public Refusals(ModelIdentity version)
        : this(version.Name, version)
    {
    }

    /// <summary>The time was over while the request waited, or while something else than the model had it.</summary>
    public PredictionError TimedOut => field ??= new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut,
        "The time for an answer of model '{0}' was over before there was one. Wait longer, or send less.", model)
    {
        Model = version,
    };

    /// <summary>The time was over while the model ran.</summary>
    public PredictionError RunTimedOut => field ??= new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.RunTimedOut,
        "Model '{0}' ran until the time for an answer was over. A run for which nobody waits any more is cut off.", model)
    {
        Model = version,
    };

    /// <summary>Too many wait; keep it, because it is made by each call.</summary>
    /// <param name="limit">How many may wait.</param>
    /// <param name="unit">The waiting things: rows, requests.</param>
    /// <param name="option">The option that says how many.</param>
    public PredictionError QueueFull(
        int limit, string unit, string option) => new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull,
        "{0} {1} already wait for model '{2}' ({3}). Try again later, or give it more cores.", limit, unit, model, option)
        {
            Model = version,
        };
}
