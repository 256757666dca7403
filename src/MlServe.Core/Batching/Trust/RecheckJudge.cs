namespace MlServe.Batching;

/// <summary>
/// Compares a row's answer alone with the one that it had in a batch, output by output, within the model's tolerance. The measure is the
/// output's magnitude: the row's own, or the usual one if that is larger. A single number may be near 0 by chance. For one user at a time.
/// </summary>
internal sealed class RecheckJudge(ModelSignature signature)
{
    /// <summary>The weight of a new answer in the usual magnitude.</summary>
    private const double Weight = 0.1;

    /// <summary>
    /// Labels that have no score beside them may change by rounding alone if two are about as good: one such is let pass.
    /// </summary>
    private const int LabelsLetPass = 1;

    private readonly double[] _usual = new double[signature.Outputs.Count];
    private int _changedLabels;

    /// <summary>
    /// The largest share of an output's magnitude that was found last; infinite if something else than a number differed.
    /// </summary>
    public double Difference { get; private set; }

    /// <summary>Learns from another row's answer how large outputs are.</summary>
    public void Learn(in Prediction answer)
    {
        for (var i = 0; i < answer.Count; i++)
        {
            var value = answer.ValueAt(i);
            var magnitude = RowAgreement.Magnitude(value);
            ref var usual = ref _usual[signature.IndexOfOutput(value.Name)];

            // A mean of logarithms, so that one answer that is out of all proportion does not hide what small ones suffer.
            if (magnitude > 0) usual = usual == 0 ? magnitude : Math.Exp(((1 - Weight) * Math.Log(usual)) + (Weight * Math.Log(magnitude)));
        }
    }

    public RecheckOutcome Judge(in Prediction alone, in Prediction inCompany)
    {
        Difference = 0;
        if (!alone.IsOk || alone.Count != inCompany.Count) return RecheckOutcome.Failed;
        var (hasNumbers, hasLabelChanged) = (false, false);
        for (var i = 0; i < alone.Count; i++)
        {
            var (mine, theirs) = (alone.ValueAt(i), inCompany.ValueAt(i));
            var difference = RowAgreement.Difference(mine, theirs);
            var isNumeric = RowAgreement.IsNumeric(mine);
            hasNumbers |= isNumeric;
            if (difference == 0) continue;
            if (!isNumeric)
            {
                hasLabelChanged = true;
                continue;
            }

            var magnitude = Math.Max(RowAgreement.Magnitude(mine), _usual[signature.IndexOfOutput(mine.Name)]);
            Difference = Math.Max(Difference, difference / magnitude);
            if (difference > Math.Max(signature.RowTolerance, 4 * RowAgreement.Epsilon(mine)) * magnitude) return RecheckOutcome.Different;
        }

        Learn(in alone);

        // Scores that agree leave a label nothing but a tie to change by.
        if (!hasLabelChanged || hasNumbers) return RecheckOutcome.Same;
        if (_changedLabels++ < LabelsLetPass) return RecheckOutcome.Same;
        Difference = double.PositiveInfinity;
        return RecheckOutcome.Different;
    }

    /// <summary>Whether a row alone is answered as it was a moment ago.</summary>
    public static bool IsSameAgain(in Prediction first, in Prediction second)
    {
        for (var i = 0; i < first.Count; i++)
        {
            if (Repeatability.Differs(first.ValueAt(i), second.ValueAt(i))) return false;
        }

        return first.Count == second.Count;
    }
}
