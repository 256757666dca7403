namespace MlServe;

/// <summary>The exact fault, for code that has to tell errors of one status apart.</summary>
public enum PredictionErrorCode
{
    /// <summary>No code was given.</summary>
    None = 0,

    /// <summary>A required input is missing.</summary>
    InputMissing,

    /// <summary>An input is given that the model does not have.</summary>
    InputUnknown,

    /// <summary>An input is given twice.</summary>
    InputDuplicated,

    /// <summary>An input is of another kind: a tensor in place of a sequence, say.</summary>
    InputKindMismatch,

    /// <summary>The elements of an input are of another type.</summary>
    InputTypeMismatch,

    /// <summary>An input has more or fewer axes.</summary>
    InputRankMismatch,

    /// <summary>An axis of an input has another size than the model fixes.</summary>
    InputDimensionMismatch,

    /// <summary>The number of elements does not fit the shape.</summary>
    InputLengthMismatch,

    /// <summary>A flat list of elements, and more than one axis whose size only a shape can tell.</summary>
    InputShapeNeeded,

    /// <summary>Inputs of one request hold different numbers of rows.</summary>
    RowCountMismatch,

    /// <summary>Several rows are given to a model that takes one at a time.</summary>
    NotBatchable,

    /// <summary>A null among the elements of a string tensor.</summary>
    NullElement,

    /// <summary>The request is larger than the predictor takes.</summary>
    RequestTooLarge,

    /// <summary>An output is asked for that the model does not have.</summary>
    OutputUnknown,

    /// <summary>The runtime refused the inputs.</summary>
    RejectedByRuntime,

    /// <summary>The runtime failed.</summary>
    RuntimeFailed,

    /// <summary>The queue in front of the model is full.</summary>
    QueueFull,

    /// <summary>The answer would come later than the caller waits.</summary>
    WaitTooLong,

    /// <summary>The caller's time was over before there was an answer.</summary>
    TimedOut,

    /// <summary>The model is not loaded yet.</summary>
    NotLoaded,

    /// <summary>The model is being shut down.</summary>
    Draining,

    /// <summary>Code of the application, called by MlServe, threw.</summary>
    UserCodeFailed,

    /// <summary>The caller's time was over, and the run, not the wait for it, had used up most of it.</summary>
    RunTimedOut,

    /// <summary>The circuit breaker is open, after the model failed too often.</summary>
    CircuitOpen,

    /// <summary>The circuit breaker was opened by hand, until it is closed by hand.</summary>
    CircuitIsolated,

    /// <summary>The model gave an answer that cannot be right: a NaN, an infinity, probabilities that do not sum to 1.</summary>
    OutputInvalid,

    /// <summary>A fault that <c>UseChaos</c> has injected.</summary>
    FaultInjected,

    /// <summary>The memory of an input could not be read: its owner threw, or gave less than it had said.</summary>
    InputUnreadable,

    /// <summary>An input holds a number that would bring the runtime down: the smallest integer in a division of integers, say.</summary>
    InputValueRefused,

    /// <summary>An input holds a NaN or an infinity, and the model is not known to take it.</summary>
    InputNotFinite,

    /// <summary>An input has no elements along the axis that is padded.</summary>
    InputEmpty,

    /// <summary>Too many calls are still in a layer of the application's although their time is over.</summary>
    LayersOverrun,
}
