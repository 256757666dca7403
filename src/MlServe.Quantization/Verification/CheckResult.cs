namespace MlServe.Quantization.Verification;

/// <summary>The outcome of holding a model against its source.</summary>
/// <param name="Outcome">The verdict.</param>
/// <param name="Text">The inputs that it was tried on and the findings, for a person.</param>
internal sealed record CheckResult(CheckOutcome Outcome, string Text)
{
    /// <exception cref="QuantizationException">It did not hold, or could not be made.</exception>
    public void Require(string what)
    {
        switch (Outcome)
        {
            case CheckOutcome.Held:
                return;
            case CheckOutcome.NotHeld:
                throw new QuantizationException(
                    QuantizationFailure.AnswersChanged,
                    $"{what} does not answer as the source does: {Text}. Nothing was written. Please report this model.");
            default:
                throw new QuantizationException(QuantizationFailure.NotComparable,
                    $"{what} could not be compared with the source: {Text}. Nothing was written. Give samples, inputs like those that the "
                        + "model will get.");
        }
    }
}
