namespace MlServe.Onnx;

/// <summary>How a model's batch axis is found.</summary>
public enum BatchDetection
{
    /// <summary>
    /// By following rows through the model's graph, and by running rows alone and in company: the answers must agree. The model's
    /// declarations are only hints, because declared shapes are often wrong. Stated axes (<see cref="OnnxModelOptions.BatchAxis"/>) have
    /// the last word.
    /// </summary>
    Probe = 0,

    /// <summary>The model takes one row at a time.</summary>
    None,
}
