namespace MlServe;

/// <summary>The origin of an answer and what it took.</summary>
public readonly record struct PredictionOrigin
{
    /// <summary>The model that answered, or did not answer; null if a predictor of the application did not say.</summary>
    public ModelIdentity? Model { get; init; }

    /// <summary>Whether the model ran for this request.</summary>
    public PredictionSource Source { get; init; }

    /// <summary>The rows of the batch that the request rode in, its own included; 0 if no model ran.</summary>
    public int BatchRows { get; init; }

    /// <summary>How long the request waited for a lane; zero if it did not wait.</summary>
    public TimeSpan QueueTime { get; init; }

    /// <summary>How long the batch ran; zero if it was not measured (the direct path reads no clock).</summary>
    public TimeSpan RunTime { get; init; }

    /// <summary>How long the batch was expected to run, as far as that was known before it did; else zero.</summary>
    internal TimeSpan ExpectedRunTime { get; init; }

    /// <summary>How long one row alone was expected to run; zero if that was not known.</summary>
    internal TimeSpan ExpectedTimeAlone { get; init; }

    /// <summary>How long ago the model gave the answer; zero if it ran for this request.</summary>
    public TimeSpan Age { get; init; }

    /// <summary>Why the model that was asked did not answer, if something else answered in its place; else null.</summary>
    public PredictionError? FallbackReason { get; init; }
}
