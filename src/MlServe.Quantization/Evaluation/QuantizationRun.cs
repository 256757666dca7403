using MlServe.Onnx;
using MlServe.Quantization.Rewriting;

namespace MlServe.Quantization.Evaluation;

/// <summary>One call from a source to a file's content: prepare, calibrate, rewrite, measure, judge, fall back. What passed its gate is kept when time runs out or the caller gives up.</summary>
internal sealed class QuantizationRun(IModelSource source, string destination, QuantizationOptions options, CancellationToken cancellationToken)
{
    private readonly ProgressReporter _progress = new(options.Progress, cancellationToken);
    private readonly SearchClock _clock = new(options.SearchBudget);
    private SearchLog _log = new();
    private string? _fallbackReason;

    public async Task<(QuantizationReport Report, byte[] Model)> RunAsync()
    {
        RequireValid(options);
        var prepared = await PreparedModel.CreateAsync(source, options, _progress, cancellationToken).ConfigureAwait(false);
        await using (prepared.ConfigureAwait(false))
        {
            var isCancelled = false;
            Candidate found;
            try
            {
                found = await FindAsync(prepared).ConfigureAwait(false);
                _progress.Report(QuantizationStage.Writing, 0, $"writing {destination}");
                _progress.Report(QuantizationStage.Writing, 0.5, $"writing {found.Bytes!.Length} bytes");
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && _log.Best is not null)
            {
                isCancelled = true;
                found = _log.Best;
            }

            return Finish(prepared, found, isCancelled);
        }
    }

    public static void RequireValid(QuantizationOptions options)
    {
        var faults = options.Validate().ToList();
        if (faults.Count > 0) throw new QuantizationException(QuantizationFailure.InvalidOptions, $"The options are not valid: {string.Join(" ", faults)}");
    }

    private async Task<Candidate> FindAsync(PreparedModel prepared)
    {
        var evaluator = prepared.Evaluator(options);
        _log = new(evaluator, cancellationToken);
        var fp32 = await TryRewritesAsync(prepared, evaluator).ConfigureAwait(false);
        if (prepared.Method == QuantizationMethod.None)
        {
            fp32 ??= await TryUnchangedAsync(prepared).ConfigureAwait(false);
            if (await _log.AcceptAsync(fp32).ConfigureAwait(false)) return _log.Best!;
            FailOrFallBack(fp32);
            return prepared.Original();
        }

        Candidate first;
        try
        {
            var search = new CandidateSearch(prepared, options, _log, _clock, _progress, cancellationToken);
            first = await search.RunAsync().ConfigureAwait(false);
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.NothingToQuantize && options.OnGateFailure != GateFailureAction.Throw)
        {
            // It has weights, and each has a reason to be left alone.
            first = CandidateEvaluator.Refused(prepared.Outline(options, prepared.Method), "all nodes", exception);
        }

        if (_log.Best is { } best) return best;
        FailOrFallBack(first);
        return await FallBackAsync(prepared, first, fp32).ConfigureAwait(false);
    }

    /// <summary>Says why what was asked for did not do, before anything is fallen back on: the caller may give up right after.</summary>
    private void FailOrFallBack(Candidate first)
    {
        // What passed while it was looked for has its reason from the last word.
        var refused = _log.Refused ?? first;
        if (options.OnGateFailure == GateFailureAction.Throw) throw Failed(refused);
        _fallbackReason = refused.Reason;
    }

    /// <summary>FP32 with what preprocessing did to it: the bar for integers, and where they fail the answer.</summary>
    private async Task<Candidate?> TryRewritesAsync(PreparedModel prepared, CandidateEvaluator evaluator)
    {
        if (prepared.Steps.Count == 0) return null;
        _progress.Report(QuantizationStage.Preprocessing, 0.7, "measuring the exact rewrites");
        var fp32 = await TryUnchangedAsync(prepared).ConfigureAwait(false);
        if (fp32.IsAccurate) evaluator.Rewritten = fp32;
        return fp32;
    }

    private Task<Candidate> TryUnchangedAsync(PreparedModel prepared) =>
        _log.TryAsync(Plans.WithoutRanges(prepared.Outline(options, QuantizationMethod.None), QuantizationMethod.None), "FP32 with exact rewrites", []);

    private async Task<Candidate> FallBackAsync(PreparedModel prepared, Candidate first, Candidate? fp32)
    {
        if (first.Plan.Method != QuantizationMethod.Int8Storage)
        {
            _progress.Report(QuantizationStage.Searching, 0.95, "storing weights smaller");
            var storage = await _log.TryAsync(Plans.WithoutRanges(first.Plan, QuantizationMethod.Int8Storage), "8-bit weights in the file, FP32 at run time", [], isAsked: false).ConfigureAwait(false);
            if (await _log.AcceptAsync(storage, isAsked: false).ConfigureAwait(false)) return _log.Best!;
        }

        return fp32 is not null && await _log.AcceptAsync(fp32, isAsked: false).ConfigureAwait(false) ? _log.Best! : prepared.Original();
    }

    private (QuantizationReport Report, byte[] Model) Finish(PreparedModel prepared, Candidate candidate, bool isCancelled)
    {
        var bytes = candidate.Bytes!;
        var report = RunReport.Of(prepared, destination, candidate, _fallbackReason, options);
        report = report with
        {
            SearchSteps = _log.Steps,
            Sensitivity = _log.Sensitivity,
            RewrittenSpeed = _log.Evaluator?.Rewritten?.Measurement?.Speed,
            IsCloseCall = _log.IsCloseCall && _fallbackReason is not null,
            EndedEarly = isCancelled || _clock.RanOut,
            Notes = isCancelled ? [.. report.Notes, "The caller gave up: this is the best that had passed its gate by then."]
                : _clock.RanOut ? [.. report.Notes, $"The time for it (SearchBudget, {options.SearchBudget}) was over before all was tried."]
                : report.Notes,
        };
        return (report, bytes);
    }

    private QuantizationException Failed(Candidate candidate) => new(QuantizationFailure.GateFailed,
        $"The model quantized by {candidate.Plan.Method} does not pass the gate: {candidate.Reason}. Loosen the gate (QuantizationOptions.Gate), give more typical samples, or let it fall back (OnGateFailure).")
    {
        IsCloseCall = _log.IsCloseCall,
    };
}
