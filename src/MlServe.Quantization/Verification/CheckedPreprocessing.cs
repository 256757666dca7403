using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Verification;

/// <summary>
/// Preprocesses a model and runs the result against it. A rewrite after which it answers otherwise is left out, and said to be.
/// </summary>
internal static class CheckedPreprocessing
{
    private static readonly (string Name, Func<PreprocessingOptions, bool> IsOn,
        Func<PreprocessingOptions, PreprocessingOptions> Without)[] Optional =
    [
        (nameof(PreprocessingOptions.SimplifyConvolutions), static options => options.SimplifyConvolutions,
            static options => options with { SimplifyConvolutions = false }),
        (nameof(PreprocessingOptions.FoldAffine), static options => options.FoldAffine,
            static options => options with { FoldAffine = false }),
        (nameof(PreprocessingOptions.RewriteHardSwish), static options => options.RewriteHardSwish,
            static options => options with { RewriteHardSwish = false }),
        (nameof(PreprocessingOptions.FoldConstants), static options => options.FoldConstants,
            static options => options with { FoldConstants = false }),
    ];

    /// <summary>Preprocesses, and checks.</summary>
    public static (PreprocessingResult Result, PreprocessingOptions Options, CheckResult Check) Run(
        ModelProto model, PreprocessingOptions options, ResultCheck check, CancellationToken cancellationToken) =>
        Run(model, options, Preprocessor.Run(model, options), check, cancellationToken);

    /// <param name="model">The source.</param>
    /// <param name="options">The options that are asked.</param>
    /// <param name="result">The model that was preprocessed with them.</param>
    /// <param name="check">Runs it against the source.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <returns>The result, the options that it was made with, and what came of the check.</returns>
    public static (PreprocessingResult Result, PreprocessingOptions Options, CheckResult Check) Run(
        ModelProto model, PreprocessingOptions options, PreprocessingResult result, ResultCheck check, CancellationToken cancellationToken)
    {
        var found = Check(model, result, check, cancellationToken);
        if (found.Outcome != CheckOutcome.NotHeld) return (result, options, found);
        foreach (var (other, name) in Others(options))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var without = Preprocessor.Run(model, other);
            var checkedWithout = Check(model, without, check, cancellationToken);
            if (checkedWithout.Outcome == CheckOutcome.Held)
                return (without with
                {
                    Steps = [.. without.Steps, $"Left out {name}: with it the model answered otherwise ({found.Text})."],
                }, other, checkedWithout);
        }

        return (result, options, found);
    }

    private static IEnumerable<(PreprocessingOptions Options, string Name)> Others(PreprocessingOptions options)
    {
        var on = Optional.Where(step => step.IsOn(options)).ToList();
        foreach (var (name, _, without) in on)
            yield return (without(options), name);
        if (on.Count > 1)
            yield return (on.Aggregate(options, static (left, step) => step.Without(left)),
                string.Join(", ", on.Select(static step => step.Name)));
    }

    private static CheckResult Check(
        ModelProto model, PreprocessingResult result, ResultCheck check, CancellationToken cancellationToken) =>
        result.Steps.Count == 0 && result.Model.Equals(model)
            ? new(CheckOutcome.Held, "nothing was changed")
            : check.Run(OnnxFile.ToBytes(result.Model), Expectation.Exact, cancellationToken);
}
