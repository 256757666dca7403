namespace MlServe;

/// <summary>The ways in which loading a model fails.</summary>
public enum ModelLoadFailure
{
    /// <summary>None of the others; the message and the inner exception say more.</summary>
    Other = 0,

    /// <summary>There is no file or folder at the path.</summary>
    NotFound,

    /// <summary>The file exists and cannot be read.</summary>
    Unreadable,

    /// <summary>The model has no bytes.</summary>
    Empty,

    /// <summary>The bytes are not an ONNX model, or one that was cut short or damaged.</summary>
    Malformed,

    /// <summary>The model is larger, deeper or longer than the limits of the inspection.</summary>
    TooLarge,

    /// <summary>The model asks for an operator set, or an ONNX format, that the native runtime does not know yet.</summary>
    VersionTooNew,

    /// <summary>The model keeps weights in other files, and that was not allowed.</summary>
    ExternalData,

    /// <summary>The model has an input or output of an element type that the runtime's C# API does not take.</summary>
    UnsupportedType,

    /// <summary>The runtime reads the model and refuses its graph.</summary>
    InvalidGraph,

    /// <summary>No native ONNX Runtime library was found: a package is missing.</summary>
    NativeRuntimeMissing,

    /// <summary>A required execution provider is not there: a package, a driver or a device is missing.</summary>
    ExecutionProviderMissing,

    /// <summary>The model loads, and its first runs fail.</summary>
    WarmUpFailed,

    /// <summary>The options for the model contradict the model or each other.</summary>
    InvalidOptions,

    /// <summary>The load took longer than it may, or a call into the native runtime did not return.</summary>
    TimedOut,

    /// <summary>The process in which the model was verified crashed, hung, or took more memory than it may.</summary>
    VerificationFailed,

    /// <summary>The model was to be verified and could not be, or it was not verified and is not loaded for that reason.</summary>
    NotVerified,
}
