namespace MlServe.Quantization.Evaluation;

/// <summary>A method and why it is that one.</summary>
internal sealed record MethodChoice(QuantizationMethod Method, string Reason)
{
    /// <summary>
    /// Static whenever there are samples, because a row's answer then does not depend on its neighbours. Never dynamic for convolutions,
    /// which it makes two to ten times slower.
    /// </summary>
    public static MethodChoice Of(OperatorCensus census, bool hasSamples, QuantizationMethod? stated)
    {
        if (stated is { } method) return new(method, "asked for");
        if (hasSamples)
        {
            return census.Lstms > census.Convolutions + census.Matrices
                ? new(QuantizationMethod.Dynamic, "most weights are those of LSTMs, which have no static form")
                : new(QuantizationMethod.Static, "there are samples to calibrate on");
        }

        if (census.Lstms + census.Matrices > census.Convolutions)
            return new(
                QuantizationMethod.Dynamic,
                $"there are no samples, and most weights are those of {(census.Lstms > census.Matrices ? "LSTMs" : "matrices")}");
        return new(QuantizationMethod.Int8Storage, "there are no samples, and convolutions need ranges that are calibrated");
    }
}
