using System.Globalization;
using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// One call from a source to a file's content: prepare, calibrate, rewrite, measure, judge, fall back. A candidate that passed its gate is
/// kept when time runs out or the caller gives up.
/// </summary>
internal sealed class QuantizationRun(
    IModelSource source, string destination, QuantizationOptions options, CancellationToken cancellationToken, TimeProvider? time = null)
{
    // The last word takes about as long as the first look: twice the rows, and speed anew.
    private const double LastWordToFirstLook = 1.5;

    private readonly ProgressReporter _progress = new(options.Progress, cancellationToken);
    private SearchClock _clock = null!;
    private SearchLog _log = new();
    private string? _fallbackReason;
    private string? _timeReason;
    private TimeSpan _firstLook;

    public async Task<(QuantizationReport Report, byte[] Model)> RunAsync()
    {
        RequireValid(options);
        using var clock = new SearchClock(options.SearchBudget, cancellationToken, time);
        _clock = clock;

        // Without it there is nothing to write: it is read in any case.
        _progress.Report(QuantizationStage.Reading, 0, "reading the source");
        var document = await OnnxDocument.ReadAsync(source, cancellationToken).ConfigureAwait(false);
        PreparedModel prepared;
        try
        {
            prepared = await PreparedModel.CreateAsync(document, options, _progress, clock.Token, clock).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (clock.Ended())
        {
            return Untouched(document);
        }

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

    public static void RequireValid(QuantizationOptions options) => ModelRewriting.RequireValid(options.Validate());

    private async Task<Candidate> FindAsync(PreparedModel prepared)
    {
        var evaluator = prepared.Evaluator(options);
        _log = new(evaluator, _clock);
        Candidate? fp32 = null, first = null;
        CandidateSearch? search = null;
        try
        {
            fp32 = await TryRewritesAsync(prepared, evaluator).ConfigureAwait(false);
            if (prepared.Method == QuantizationMethod.None) first = fp32 ?? await TryUnchangedAsync(prepared).ConfigureAwait(false);
            else await (search = new(prepared, options, _log, _clock, _progress)).RunAsync().ConfigureAwait(false);
            if (first is not null) await _log.AcceptAsync(first).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_clock.Ended())
        {
            // What was begun counts as not tried.
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.NothingToQuantize
            && options.OnGateFailure != GateFailureAction.Throw)
        {
            // It has weights, and each has a reason to be left alone.
            first = CandidateEvaluator.Refused(prepared.Outline(options, prepared.Method), "all nodes", exception);
        }

        if (_log.Best is { } best) return best;
        first ??= search?.First;
        FailOrFallBack(prepared.Method, first);
        _clock.EndSearch();
        return await FallBackAsync(prepared, first, fp32).ConfigureAwait(false);
    }

    /// <summary>
    /// Says why the method that was asked for did not do, before the fallback begins: the caller may give up right after.
    /// </summary>
    private void FailOrFallBack(QuantizationMethod method, Candidate? first)
    {
        // What passed while it was looked for has its reason from the last word, if that was spoken.
        var refused = _log.Refused ?? (first is { Passed: false } ? first : null);
        if (_clock.RanOut) _timeReason = TimeReason();
        _fallbackReason = (refused, _timeReason) switch
        {
            ({ } one, null) => one.Reason,
            ({ } one, { } ended) => $"{one.Reason}; {ended}",
            _ => _timeReason,
        };
        if (options.OnGateFailure == GateFailureAction.Throw) throw Failed(refused?.Plan.Method ?? method, _fallbackReason);
    }

    /// <summary>How long it would take is guessed from how far it came.</summary>
    private string TimeReason()
    {
        var needed = Math.Ceiling(Math.Max(
            2 * options.SearchBudget.TotalSeconds, _clock.Elapsed.TotalSeconds / Math.Max(_progress.Share, 0.01)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"the budget of {options.SearchBudget.TotalSeconds:0.###} s ended before any candidate had passed its gate; "
            + $"give it about {needed:0} s (SearchBudget, --budget)");
    }

    /// <summary>FP32 with the rewrites of preprocessing. It is the bar for integers, and the answer if they fail.</summary>
    private async Task<Candidate?> TryRewritesAsync(PreparedModel prepared, CandidateEvaluator evaluator)
    {
        if (prepared.Steps.Count == 0) return null;
        _progress.Report(QuantizationStage.Preprocessing, 0.7, "measuring the exact rewrites");
        var begin = _clock.Elapsed;
        var fp32 = await TryUnchangedAsync(prepared).ConfigureAwait(false);
        if (fp32.IsAccurate) evaluator.Rewritten = fp32;
        _firstLook = _clock.Elapsed - begin;
        if (fp32.Passed) _clock.Keep(_firstLook * LastWordToFirstLook);
        return fp32;
    }

    private Task<Candidate> TryUnchangedAsync(PreparedModel prepared) =>
        _log.TryAsync(
            Plans.WithoutRanges(prepared.Outline(options, QuantizationMethod.None), QuantizationMethod.None), "FP32 with exact rewrites",
            []);

    private async Task<Candidate> FallBackAsync(PreparedModel prepared, Candidate? first, Candidate? fp32)
    {
        if (prepared.Method == QuantizationMethod.None) return prepared.Original();
        try
        {
            // Where time is short, what is known to be good comes before what has to be made.
            var isAsked = false;
            if (_clock.RanOut && fp32 is not null)
            {
                isAsked = true;
                if (await _log.AcceptAsync(fp32, isAsked: false).ConfigureAwait(false)) return _log.Best!;
            }

            var plan = first?.Plan ?? prepared.Outline(options, prepared.Method);
            if (plan.Method != QuantizationMethod.Int8Storage && _clock.Left >= _firstLook * (1 + LastWordToFirstLook))
            {
                _progress.Report(QuantizationStage.Searching, 0.95, "storing weights smaller");
                var storage = await _log.TryAsync(
                    Plans.WithoutRanges(plan, QuantizationMethod.Int8Storage), "8-bit weights in the file, FP32 at run time", [],
                    isAsked: false).ConfigureAwait(false);
                if (await _log.AcceptAsync(storage, isAsked: false).ConfigureAwait(false)) return _log.Best!;
            }

            if (!isAsked && fp32 is not null) await _log.AcceptAsync(fp32, isAsked: false).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_clock.Ended())
        {
            // The search may have ended in time, and this not.
            if (_timeReason is null) _fallbackReason = $"{_fallbackReason}; {_timeReason = TimeReason()}";
        }

        return _log.Best ?? prepared.Original();
    }

    private (QuantizationReport Report, byte[] Model) Finish(PreparedModel prepared, Candidate candidate, bool isCancelled)
    {
        var bytes = candidate.Bytes!;
        var report = RunReport.Of(prepared, destination, candidate, _fallbackReason, options, isHurried: _clock.RanOut);
        report = report with
        {
            SearchSteps = _log.Steps,
            Sensitivity = _log.Sensitivity,
            RewrittenSpeed = _log.Evaluator?.Rewritten?.Measurement?.Speed,
            IsCloseCall = (_log.IsCloseCall || _clock.RanOut) && _fallbackReason is not null,
            EndedEarly = isCancelled || _clock.RanOut,
            EndOfTime = _timeReason,
            Notes = isCancelled ? [.. report.Notes, "The caller gave up: this is the best that had passed its gate by then."]
                : _clock.RanOut ? [.. report.Notes,
                    $"The time for it (SearchBudget, {options.SearchBudget}) was over before all was tried."]
                : report.Notes,
        };
        return (report, bytes);
    }

    private (QuantizationReport Report, byte[] Model) Untouched(OnnxDocument document)
    {
        FailOrFallBack(options.Method ?? QuantizationMethod.None, null);
        var original = PreparedModel.Original(document);
        _progress.Report(QuantizationStage.Writing, 0, $"writing {destination}");
        return (RunReport.OfSource(document, destination, original, _fallbackReason!, options) with
        {
            EndOfTime = _timeReason,
            IsCloseCall = true,
        }, original.Bytes!);
    }

    private QuantizationException Failed(QuantizationMethod method, string? reason) => new(QuantizationFailure.GateFailed,
        $"The model quantized by {method} does not pass the gate: {reason}. Loosen the gate (QuantizationOptions.Gate), give more typical "
            + "samples, or let it fall back (OnGateFailure).")
    {
        IsCloseCall = _log.IsCloseCall || _clock.RanOut,
    };
}
