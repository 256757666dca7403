namespace MlServe.Quantization;

/// <summary>How the range of an activation is taken from the samples.</summary>
public enum CalibrationMethod
{
    /// <summary>From the least to the greatest value seen: nothing is clipped. The safe one.</summary>
    MinMax = 0,

    /// <summary>Leaves out a share of the extremest values.</summary>
    Percentile,

    /// <summary>The range with the least mean square error after rounding.</summary>
    Mse,

    /// <summary>The range with the least Kullback-Leibler divergence.</summary>
    Entropy,
}
