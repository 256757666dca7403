namespace MlServe;

/// <summary>The source of an answer.</summary>
public enum PredictionSource
{
    /// <summary>The model ran for this request.</summary>
    Model = 0,

    /// <summary>A cached answer to an equal request.</summary>
    Cache,

    /// <summary>A cached answer past its time, given because nothing better could be had.</summary>
    StaleCache,

    /// <summary>Another predictor, or a constant, answered in the model's place.</summary>
    Fallback,
}
