using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>The candidates that were tried, and the best that had the last word spoken on it.</summary>
internal sealed class SearchLog(CandidateEvaluator? evaluator = null, SearchClock? clock = null)
{
    // Each last word is spoken on the same rows: many would choose by them after all.
    private const int MaxConfirmations = 4;

    private readonly List<SearchStep> _steps = [];
    private int _refusals;
    private bool _isOutOfReach;

    public CandidateEvaluator? Evaluator => evaluator;

    private CancellationToken Token => clock?.Token ?? CancellationToken.None;

    public IReadOnlyList<SearchStep> Steps => _steps;

    /// <summary>The fastest that passed on rows that nothing was chosen by; null: none has.</summary>
    public Candidate? Best { get; private set; }

    /// <summary>The last that passed while it was looked for, and not on the rows that were kept for the last word.</summary>
    public Candidate? Refused { get; private set; }

    /// <summary>
    /// Whether it makes no sense to look further. Either nothing can be compared, or rows are too few to show the share that is asked. Or
    /// several candidates have failed on the rows that were kept.
    /// </summary>
    public bool IsHopeless =>
        Best is null
        && (_isOutOfReach || _refusals >= MaxConfirmations || Refused?.Checks.Any(static check => check.IsForWantOfRows) == true);

    public bool IsCloseCall { get; private set; }

    public SensitivityReport? Sensitivity { get; set; }

    /// <param name="plan">The plan that is tried.</param>
    /// <param name="description">The name of the candidate, for a person.</param>
    /// <param name="leftOut">The nodes that were left out for it.</param>
    /// <param name="isAsked">Whether it is of the kind that was asked for, so that its being almost fast enough counts.</param>
    public async Task<Candidate> TryAsync(QuantizationPlan plan, string description, IReadOnlyList<string> leftOut, bool isAsked = true)
    {
        var candidate = await evaluator!.EvaluateAsync(plan, description, Token).ConfigureAwait(false);
        Add(candidate, leftOut, isAsked);
        return candidate;
    }

    public void Add(Candidate candidate, IReadOnlyList<string> leftOut, bool isAsked = true)
    {
        _steps.Add(candidate.ToStep(leftOut));
        _isOutOfReach |= candidate.Checks.Any(static check => check.Name == GateJudge.Answers);
        IsCloseCall |= isAsked && candidate.IsCloseCall;
    }

    /// <summary>Speaks the last word on a candidate that passed, unless there is a faster one already.</summary>
    /// <returns>Whether it is the best now.</returns>
    public async Task<bool> AcceptAsync(Candidate candidate, bool isAsked = true)
    {
        if (!candidate.Passed || (Best is not null && Best.Ratio >= candidate.Ratio) || IsHopelessFor(candidate)) return false;
        var confirmed = await evaluator!.ConfirmAsync(candidate, Token).ConfigureAwait(false);
        IsCloseCall |= isAsked && confirmed.IsCloseCall;
        if (confirmed.Passed)
        {
            Best = confirmed;
            Replace(candidate, confirmed);
            return true;
        }

        _refusals++;
        Refused = confirmed;
        Replace(candidate, confirmed);
        return false;
    }

    private bool IsHopelessFor(Candidate candidate) => GateJudge.IsForSpeed(candidate.Plan.Method) && IsHopeless;

    private void Replace(Candidate candidate, Candidate confirmed)
    {
        var at = _steps.FindLastIndex(step => step.Description == candidate.Description && step.Method == candidate.Plan.Method);
        if (at >= 0) _steps[at] = confirmed.ToStep(_steps[at].ExcludedNodes);
    }
}
