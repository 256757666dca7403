namespace MlServe.Quantization;

/// <summary>The ways in which quantizing a model fails.</summary>
public enum QuantizationFailure
{
    /// <summary>None of the others; the message and the inner exception say more.</summary>
    Other = 0,

    /// <summary>The model cannot be read: no such file, not an ONNX model, cut short or damaged.</summary>
    Unreadable,

    /// <summary>The model is larger than the most that can be quantized here.</summary>
    TooLarge,

    /// <summary>The model holds quantized operators already.</summary>
    AlreadyQuantized,

    /// <summary>The model has no weights that could be quantized.</summary>
    NothingToQuantize,

    /// <summary>The operator set, or an operator of it, cannot be raised to the one that quantized operators need.</summary>
    UnsupportedOpset,

    /// <summary>The native runtime refuses the model, before or after it was changed.</summary>
    InvalidModel,

    /// <summary>There are no calibration samples, or too few.</summary>
    NoCalibrationData,

    /// <summary>A calibration sample does not fit the model, or was refused by it.</summary>
    InvalidSample,

    /// <summary>A value that has to be calibrated is not a number, or infinite.</summary>
    NotFinite,

    /// <summary>The quantized model did not pass the gate.</summary>
    GateFailed,

    /// <summary>The destination is the source, or cannot be written.</summary>
    Destination,

    /// <summary>The options contradict each other or the model.</summary>
    InvalidOptions,

    /// <summary>A plan was made for another model, or by a newer version.</summary>
    PlanMismatch,

    /// <summary>A file of samples cannot be read, or is not for the model.</summary>
    UnreadableSamples,

    /// <summary>
    /// The rewritten model does not answer as the model does, or fails when it runs. It was run on several shapes and values, and not
    /// written.
    /// </summary>
    AnswersChanged,

    /// <summary>
    /// The rewritten model could not be held against the model: it takes no inputs that were made up, or gives nothing to compare on them.
    /// Give samples.
    /// </summary>
    NotComparable,
}
