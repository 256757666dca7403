using System.Globalization;

namespace MlServe.Quantization.Verification;

/// <summary>The observations of one output over all trials.</summary>
internal sealed class OutputEvidence(string name, Expectation expectation)
{
    // Of the greatest number of an output: rounding in another order makes 1e-6 of it, a constant at the wrong place far more.
    private const double MaxDifference = 2e-4;

    // What the runtime's own optimizations change is rounding too.
    private const double TimesOptimizations = 10;

    // Where the source gives nothing but zeros there is nothing to take a share of.
    private const double Zero = 1e-6;

    // Steps, places of greatest values and the like may fall on the other side of a number that was rounded otherwise.
    private const double MaxSteps = 0.02;

    private const double MinEqual = 0.7;

    private double _signal;
    private double _noise;
    private long _equal;
    private long _others;
    private bool _hasValues;
    private bool _hasSignal;
    private bool _isUnstable;

    public string Name => name;

    /// <summary>The first fault that was found; null: none.</summary>
    public string? Fault { get; private set; }

    /// <param name="trial">The inputs of the models.</param>
    /// <param name="source">The source's output.</param>
    /// <param name="model">The model's output.</param>
    /// <param name="optimized">The source's output with the runtime's optimizations; null if that was not asked.</param>
    /// <param name="isBrittle">Whether the model has operators whose answers jump.</param>
    public void Add(TrialInput trial, Answer source, Answer model, Answer? optimized, bool isBrittle)
    {
        if (Fault is not null) return;
        if (source.Type != model.Type || !source.Shape.AsSpan().SequenceEqual(model.Shape))
        {
            Fault = $"'{name}' is {Describe(model)}, and the source's {Describe(source)}";
            return;
        }

        if (source.Numbers is { } numbers) AddNumbers(trial, numbers, model.Numbers!, optimized?.Numbers, isBrittle);
        else AddOthers(trial, source.Others!, model.Others!, optimized?.Others, isBrittle);
    }

    /// <summary>The source gave another answer to the same inputs.</summary>
    public void MarkUnstable() => _isUnstable = true;

    public (CheckOutcome Outcome, string Text) Conclude()
    {
        if (_isUnstable) return (CheckOutcome.NotMade, $"'{name}' differs each time that the source is run");
        if (Fault is { } fault) return (CheckOutcome.NotHeld, fault);
        if (!expectation.AsksNearness) return (CheckOutcome.Held, "");
        if (!_hasValues) return (CheckOutcome.NotMade, $"'{name}' had no element that is a number on any input that was tried");
        if (expectation.MinSnrDb is not { } min) return (CheckOutcome.Held, "");
        if (_others > 0)
        {
            var share = (double)_equal / _others;
            return (share >= MinEqual ? CheckOutcome.Held : CheckOutcome.NotHeld,
                string.Create(CultureInfo.InvariantCulture, $"'{name}' is equal in {share:P0} of its elements"));
        }

        if (!_hasSignal)
            return (CheckOutcome.NotMade,
                $"'{name}' of the source is zero on all inputs that were tried, so that nothing could be compared");
        var snr = SnrDb;
        return (snr >= min ? CheckOutcome.Held : CheckOutcome.NotHeld,
            string.Create(CultureInfo.InvariantCulture, $"'{name}' has {snr:F1} dB of signal over noise, and {min:F0} dB are the least"));
    }

    public double SnrDb => _noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(_signal / _noise);

    private void AddNumbers(TrialInput trial, double[] source, double[] model, double[]? optimized, bool isBrittle)
    {
        double greatest = 0, greatestDifference = 0, rounding = 0;
        var at = -1;
        var different = 0;
        for (var i = 0; i < source.Length; i++)
        {
            if (!double.IsFinite(source[i]))
            {
                // What is no number may be any other such, and rounding may keep what would overflow.
                continue;
            }

            if (!double.IsFinite(model[i]))
            {
                if (Math.Abs(source[i]) > 1e30 || (optimized is not null && !double.IsFinite(optimized[i]))) continue;
                Fault = string.Create(
                    CultureInfo.InvariantCulture,
                    $"'{name}' is {model[i]}, and the source's {source[i]:G5} ({trial.Label}; {trial.Shape})");
                return;
            }

            _hasValues = true;
            greatest = Math.Max(greatest, Math.Abs(source[i]));
            if (optimized is not null && double.IsFinite(optimized[i])) rounding = Math.Max(rounding, Math.Abs(source[i] - optimized[i]));
            var difference = Math.Abs(source[i] - model[i]);
            if (difference > greatestDifference) (greatestDifference, at) = (difference, i);
            if (!trial.IsUsual) continue;
            _signal += source[i] * source[i];
            _noise += difference * difference;
            _hasSignal |= source[i] != 0;
        }

        if (!expectation.IsExact || at < 0) return;
        var allowed = Math.Max(greatest == 0 ? Zero : greatest * MaxDifference, rounding * TimesOptimizations);
        if (greatestDifference <= allowed) return;
        if (isBrittle)
        {
            if (!trial.IsUsual) return;
            for (var i = 0; i < source.Length; i++)
            {
                if (double.IsFinite(source[i]) && Math.Abs(source[i] - model[i]) > allowed) different++;
            }

            if (different <= Math.Max(1, source.Length * MaxSteps)) return;
        }

        Fault = string.Create(
            CultureInfo.InvariantCulture,
            $"'{name}' is {model[at]:G6} at place {at}, and the source's {source[at]:G6} ({trial.Label}; {trial.Shape})");
    }

    private void AddOthers(TrialInput trial, object[] source, object[] model, object[]? optimized, bool isBrittle)
    {
        if (source.Length == 0) return;
        _hasValues = true;
        var equal = Equal(source, model);
        if (!trial.IsUsual && isBrittle) return;
        _equal += equal;
        _others += source.Length;
        if (!expectation.IsExact || equal == source.Length) return;
        var allowed = Math.Max(
            isBrittle ? Math.Max(1, source.Length * MaxSteps) : 0, optimized is null ? 0 : source.Length - Equal(source, optimized));
        if (source.Length - equal > allowed)
            Fault =
                $"'{name}' differs from the source's in {source.Length - equal} of {source.Length} elements ({trial.Label}; {trial.Shape})";
    }

    private static int Equal(object[] left, object[] right) => left.Zip(right, static (a, b) => a.Equals(b) ? 1 : 0).Sum();

    private static string Describe(Answer answer) => $"{answer.Type.ToString().ToLowerInvariant()}[{string.Join(',', answer.Shape)}]";
}
