using System.Globalization;

namespace MlServe.Onnx.Probing;

/// <summary>The evidence on one output.</summary>
internal sealed class OutputEvidence(string name, double tolerance)
{
    /// <summary>
    /// Rounding is below this share of an output's magnitude as a rule. A difference between it and the tolerance may be rounding that a
    /// model makes large. It may also be another row's influence that happens to be small.
    /// </summary>
    private const double UsualRounding = 1e-5;

    /// <summary>
    /// How much farther apart two rows' answers must be than a row's own in company, to show that none of the other is in it.
    /// </summary>
    private const double ClearDistance = 100;

    /// <summary>A difference of so many of the type's last digits may be rounding, however close the rows' answers are.</summary>
    private const double RoundingSteps = 16;

    private const int NeededWitnesses = 3;

    private int _witnesses;
    private int _witnessesOfMany;

    public string Name => name;

    public int? Axis { get; set; }

    /// <summary>The distance from 1 to the next number of the output's type.</summary>
    public double Epsilon { get; set; }

    /// <summary>The largest difference of a row in company, as a share of the magnitude.</summary>
    public double Rounding { get; private set; }

    /// <summary>Whether that is more than is tolerated.</summary>
    public bool IsOver => Rounding > Tolerance;

    /// <summary>A type of few digits has no better answers than its digits.</summary>
    private double Tolerance => Math.Max(tolerance, 4 * Epsilon);

    /// <summary>Judges one output of a scene.</summary>
    /// <param name="alone">Each row's own answer.</param>
    /// <param name="company">Their answer together.</param>
    /// <param name="rows">The rows.</param>
    /// <returns>Null, or how a row's answer depends on its company.</returns>
    public string? Judge(ReadOnlySpan<OutputValue> alone, OutputValue company, IReadOnlyList<RowPattern> rows)
    {
        var differences = new double[alone.Length];
        string? fault = null;
        for (var i = 0; i < alone.Length; i++)
        {
            var difference = differences[i] = RowAgreement.Difference(alone[i], company, Axis!.Value, i);
            if (difference == 0) continue;
            var magnitude = MagnitudeOf(alone, rows, rows[i]);
            var share = difference / magnitude;
            Rounding = Math.Max(Rounding, share);
            fault ??= FaultOf(difference, share, magnitude, Nearest(alone, rows, i));
        }

        if (_witnesses < NeededWitnesses || _witnessesOfMany == 0) Count(alone, differences);
        return fault;
    }

    /// <summary>Why the evidence does not show that rows are independent; null if it does.</summary>
    public string? Doubt()
    {
        if (_witnesses < NeededWitnesses || _witnessesOfMany == 0)
            return $"output '{name}' answered the rows that were tried alike, or with nothing finite, "
                + "so that a mix-up of rows would not have shown";
        if (Rounding > Math.Max(UsualRounding, 8 * Epsilon))
            return $"output '{name}' differs in company by {Rounding.ToString("0.0e+0", CultureInfo.InvariantCulture)} of its magnitude, "
                + "which may or may not be rounding";
        return null;
    }

    private string? FaultOf(double difference, double share, double magnitude, double nearest)
    {
        var isFar = share > Tolerance;

        // Where rows' answers are close to each other, a small difference may be much of what tells them apart.
        var isMuch = difference > RoundingSteps * Epsilon * magnitude && ClearDistance * difference > nearest;
        if (!isFar && !isMuch) return null;
        return double.IsFinite(share)
            ? $"output '{name}' differs by {share.ToString("0.0e+0", CultureInfo.InvariantCulture)} of its magnitude"
            : $"output '{name}' is another one";
    }

    private void Count(ReadOnlySpan<OutputValue> alone, double[] differences)
    {
        for (var i = 1; i < alone.Length; i++)
        {
            var distance = RowAgreement.Distance(alone[i - 1], alone[i]);
            var noise = RowAgreement.IsNumeric(alone[i])
                ? Math.Max(
                    Math.Max(differences[i - 1], differences[i]),
                    4 * Epsilon * Math.Max(RowAgreement.Magnitude(alone[i - 1]), RowAgreement.Magnitude(alone[i])))
                : 0;
            if (!(distance > ClearDistance * noise)) continue;
            _witnesses++;
            if (alone.Length > 2) _witnessesOfMany++;
            return;
        }
    }

    private static double MagnitudeOf(ReadOnlySpan<OutputValue> alone, IReadOnlyList<RowPattern> rows, RowPattern like)
    {
        var magnitude = 0.0;
        for (var i = 0; i < alone.Length; i++)
        {
            if (rows[i].IsOfScale(like)) magnitude = Math.Max(magnitude, RowAgreement.Magnitude(alone[i]));
        }

        return magnitude;
    }

    /// <summary>How far the answer of the nearest other row of the same scale is that has another answer.</summary>
    private static double Nearest(ReadOnlySpan<OutputValue> alone, IReadOnlyList<RowPattern> rows, int row)
    {
        var nearest = double.PositiveInfinity;
        for (var i = 0; i < alone.Length; i++)
        {
            if (i == row || !rows[i].IsOfScale(rows[row])) continue;
            var distance = RowAgreement.Distance(alone[row], alone[i]);
            if (distance > 0) nearest = Math.Min(nearest, distance);
        }

        return nearest;
    }
}
