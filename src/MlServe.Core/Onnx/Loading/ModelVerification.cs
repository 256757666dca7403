namespace MlServe.Onnx;

/// <summary>Whether a model is tried in a place in which it can do no harm, before it is loaded.</summary>
public enum ModelVerification
{
    /// <summary>It is inspected, and then loaded.</summary>
    None = 0,

    /// <summary>
    /// The tool <c>mlserve</c> first loads it, finds its batch axis and warms it up. It does so in a process of its own whose memory and
    /// time are bounded. A model that brings it down is not loaded.
    /// </summary>
    InChildProcess,
}
