using System.Globalization;
using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Reporting;

namespace MlServe.Quantization.Evaluation;

/// <summary>Holds one output against the gate. Outputs that could not be compared, or by too few rows, are not passed.</summary>
internal static class OutputJudge
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <param name="gate">The gate that is asked.</param>
    /// <param name="output">The comparison.</param>
    /// <param name="isMadeUp">Whether inputs were made up, so that classes and neighbours mean nothing.</param>
    /// <param name="isFinal">Whether it is the last word: then lower ends of intervals count. On the way to it counts the share that twice
    /// as many rows can be expected to show. So many are kept for the last word, which is not spoken often.</param>
    public static IEnumerable<GateCheck> Judge(QuantizationGate gate, OutputComparison output, bool isMadeUp, bool isFinal)
    {
        var name = output.Name;
        if (output.OtherShapes > 0)
            yield return new(
                $"shape of '{name}'", CheckOutcome.NotHeld,
                string.Create(Invariant, $"'{name}' has another shape than the source's for {output.OtherShapes} samples"));
        if (output.NotFinite > 0)
            yield return new(
                $"finiteness of '{name}'", CheckOutcome.NotHeld,
                string.Create(
                    Invariant, $"'{name}' has {output.NotFinite} values that differ from the source's and are not finite on one side"));
        if (output.Metric == OutputMetric.None) yield break;
        if (Missing(output) is { } missing)
        {
            yield return missing;
            yield break;
        }

        var isVector = output.Metric is OutputMetric.Embedding or OutputMetric.FirstToken;
        if (output.Metric != OutputMetric.Equal && (!isVector || isMadeUp) && gate.MinSnrDb is { } minSnr)
            yield return Noise(output, minSnr, isFinal);
        if (isMadeUp) yield break;
        if (!isVector && output.Metric is not (OutputMetric.Regression or OutputMetric.Boxes) && gate.MinAgreement is { } share)
            yield return Share(output, $"agreement of '{name}'", "agrees in", share, isFinal);
        if (!isVector) yield break;
        if (gate.MinNeighbors is { } neighbors)
            yield return Share(output, $"neighbours of '{name}'", "has the same nearest neighbour in", neighbors, isFinal);
        if (gate.MinRankCorrelation is { } least) yield return Ranks(output, least);
    }

    /// <summary>Whether an output cannot be judged, though nobody said that it is not to be.</summary>
    public static bool IsOutOfReach(QuantizationGate gate, OutputComparison output, bool isMadeUp) => output.Metric switch
    {
        OutputMetric.None => !gate.Metrics.ContainsKey(output.Name),
        OutputMetric.Equal => isMadeUp && gate.MinAgreement is not null,
        _ => false,
    };

    private static GateCheck? Missing(OutputComparison output)
    {
        var name = output.Name;
        if (output.ElementType == "none")
            return new($"values of '{name}'", CheckOutcome.NotMade, $"'{name}' is no tensor, and was not compared");
        if (output.Values == 0)
        {
            return new($"values of '{name}'", CheckOutcome.NotMade, output.Metric == OutputMetric.Equal
                ? $"'{name}' had no element on any sample: nothing was compared"
                : $"'{name}' of the source had no finite number on any sample: nothing was compared. Look at the samples: are they in the "
                    + "unit that the model was trained on?");
        }

        return output.IsDead
            ? new(
                $"values of '{name}'", CheckOutcome.NotMade,
                $"'{name}' of the source is zero on all samples: nothing was compared. Look at the samples: are they in the unit that the "
                    + "model was trained on?")
            : null;
    }

    private static GateCheck Noise(OutputComparison output, double least, bool isFinal)
    {
        var snr = output.SnrDb ?? double.NegativeInfinity;
        var low = isFinal ? output.SnrLowDb : snr;
        var outcome = snr < least ? CheckOutcome.NotHeld : low >= least ? CheckOutcome.Held : CheckOutcome.NotMade;
        var doubt = outcome != CheckOutcome.NotMade ? "" : low is null
            ? string.Create(Invariant, $", on {output.Rows} row: not enough rows")
            : string.Create(Invariant, $", but {output.Rows} rows show no more than {ReportText.Decibels(low.Value)}");
        return new(
            $"noise of '{output.Name}'", outcome,
            string.Create(Invariant, $"'{output.Name}' has {ReportText.Decibels(snr)} of signal over noise, asked {least:F1} dB{doubt}"))
        {
            IsForWantOfRows = outcome == CheckOutcome.NotMade && low is null,
        };
    }

    private static GateCheck Share(OutputComparison output, string name, string what, double least, bool isFinal)
    {
        if (output.Agreement is not { } found) return TooFewRows(name, output, "two");
        var low = isFinal ? output.AgreementLow ?? 0 : Expected(found, output.Compared, least);
        var outcome = found < least ? CheckOutcome.NotHeld : low >= least ? CheckOutcome.Held : CheckOutcome.NotMade;
        var isForRows = outcome == CheckOutcome.NotMade && output.Compared < Confidence.RowsFor(least);
        var doubt = outcome == CheckOutcome.NotMade
            ? string.Create(
                Invariant,
                $", but so many rows show no more than {ReportText.Share(low)}"
                + $"{(isForRows ? $": not enough rows, {Confidence.RowsFor(least)} without a miss would do" : "")}")
            : isFinal && outcome == CheckOutcome.Held ? string.Create(Invariant, $" (at least {ReportText.Share(low)} at 95 %)") : "";
        return new(
            name, outcome,
            string.Create(
                Invariant,
                $"'{output.Name}' {what} {ReportText.Share(found)} of {output.Compared}, asked {ReportText.Share(least)}{doubt}"))
        {
            IsForWantOfRows = isForRows,
        };
    }

    /// <summary>
    /// The value that the rows for the last word can be expected to show. If they are too few to show anything, the last word says so
    /// itself.
    /// </summary>
    private static double Expected(double found, long rows, double least) =>
        rows * 2 < Confidence.RowsFor(least) ? found : Confidence.LowerShare(Math.Round(found * rows * 2), rows * 2);

    private static GateCheck Ranks(OutputComparison output, double least)
    {
        var name = $"ranks of '{output.Name}'";
        return output.RankCorrelation is not { } found
            ? TooFewRows(name, output, "three")
            : new(
                name, found >= least ? CheckOutcome.Held : CheckOutcome.NotHeld,
                string.Create(Invariant, $"'{output.Name}' has similarities whose ranks correlate by {found:F4}, asked {least:F2}"));
    }

    private static GateCheck TooFewRows(string name, OutputComparison output, string least) =>
        new(name, CheckOutcome.NotMade, $"'{output.Name}' had less than {least} rows to compare: not enough rows")
        {
            IsForWantOfRows = true,
        };
}
