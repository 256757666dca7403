using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Makes the report of the file that was written.</summary>
internal static class RunReport
{
    public static QuantizationReport Of(
        PreparedModel prepared, string destination, Candidate candidate, string? fallbackReason, QuantizationOptions options,
        bool isHurried = false)
    {
        var measurement = candidate.Measurement;

        // A source that nothing was done to is not opened once more when time is over.
        var fused = isHurried && candidate.Plan.KeepsOriginal ? new Dictionary<string, int>() : FusedOperators.Of(candidate.Bytes!);
        var document = prepared.Source.Document;
        var isStatic = candidate.Plan.Method == QuantizationMethod.Static;
        return new()
        {
            Source = document.Origin,
            Destination = destination,
            Method = candidate.Plan.Method,
            MethodReason = options.Plan is not null ? "by the plan that was given"
                : fallbackReason is null ? prepared.MethodReason
                : $"{prepared.Method} ({prepared.MethodReason}) was not good enough",
            FallbackReason = fallbackReason,
            Passed = measurement is null && !candidate.Plan.KeepsOriginal ? null : candidate.Passed,
            Checks = candidate.Checks,
            Nodes = candidate.Decisions,
            Preprocessing = candidate.Plan.KeepsOriginal ? [] : prepared.Steps,
            FusedOperators = fused,
            SourceBytes = document.SizeInBytes,
            Bytes = candidate.Bytes!.Length,
            Speed = measurement?.Speed,
            AgainstRewrittenSpeed = measurement?.AgainstRewritten,
            Outputs = measurement?.Comparison.Outputs ?? [],
            SourceMetric = measurement?.SourceMetric,
            Metric = measurement?.Metric,
            CalibrationSamples = isStatic ? prepared.Calibrated : 0,
            ComparedSamples = measurement?.Comparison.Samples ?? 0,
            SpeedRows = measurement is null ? 0 : prepared.Samples.Retained[0].Rows,
            Operations = measurement is null
                ? null
                : OperationCount.Of(document.Model, prepared.Samples.Retained[0], measurement.Speed.SourceMilliseconds, options.Threads),
            Notes = [.. Notes(prepared, measurement, isStatic ? FusedOperators.Difference(candidate.Decisions, fused) : null)],
            IsBatchDependent = candidate.Plan.Method == QuantizationMethod.Dynamic,
            Machine = Machine.Describe(options.Threads),
            Plan = candidate.Plan,
        };
    }

    /// <summary>
    /// The report of a source that is written as it is because time was over before it was prepared. Nothing was run, so the report says
    /// nothing of how it runs.
    /// </summary>
    public static QuantizationReport OfSource(
        OnnxDocument document, string destination, Candidate original, string reason, QuantizationOptions options) => new()
        {
            Source = document.Origin,
            Destination = destination,
            Method = QuantizationMethod.None,
            MethodReason = "time was over before the model was prepared",
            FallbackReason = reason,
            Passed = true,
            Checks = original.Checks,
            SourceBytes = document.SizeInBytes,
            Bytes = original.Bytes!.Length,
            Machine = Machine.Describe(options.Threads),
            EndedEarly = true,
            Notes = [$"The time for it (SearchBudget, {options.SearchBudget}) was over before anything was tried."],
            Plan = original.Plan,
        };

    private static IEnumerable<string> Notes(PreparedModel prepared, Measurement? measurement, string? difference)
    {
        if (difference is not null) yield return difference;
        foreach (var suspicion in prepared.Suspicions)
            yield return suspicion;
        if (measurement is null) yield break;
        if (prepared.Samples.CutTo is { } cut)
            yield return $"Time was short (SearchBudget): calibration and choice did not use all samples, but {cut} or more in each pass. "
                + "The last word used all that were kept for it.";
        if (measurement.Form is { Outcome: CheckOutcome.Held } form) yield return $"It was {form.Text} before it was written.";
        if (prepared.Samples.IsMadeUp)
            yield return "There were no samples: it was measured on made-up inputs, and whether classes agree is not known.";
        else if (prepared.Samples.IsSeenByCalibration)
            yield return "There were fewer than four samples: answers were compared on those that ranges were taken from.";
    }
}
