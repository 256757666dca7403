using MlServe.Quantization.Rewriting;

namespace MlServe.Quantization.Evaluation;

/// <summary>One way in which the values of a model are rounded.</summary>
/// <param name="Description">The name of the variant, for a person.</param>
/// <param name="MayBeFaster">Whether it is tried for its speed as well, not only if answers are not near enough.</param>
/// <param name="MakeAsync">Makes the plan.</param>
internal sealed record PlanVariant(string Description, bool MayBeFaster, Func<CancellationToken, Task<QuantizationPlan>> MakeAsync);

/// <summary>
/// The ways in which the values of a model can be rounded, with all of its nodes. The first has one scale for each activation: the runtime
/// puts operators between convolutions on integers only then. The second has a scale for each channel, which is nearer and mostly slower,
/// but faster behind a pooling of floats. Last comes the smoothing of the inputs of products, which is nearer and costs time.
/// </summary>
internal sealed class PlanVariants(PreparedModel prepared, QuantizationOptions options, QuantizationPlan calibrated)
{
    private readonly Dictionary<string, QuantizationPlan> _plans = new(StringComparer.Ordinal);

    public IEnumerable<PlanVariant> All()
    {
        if (calibrated.Method != QuantizationMethod.Static)
        {
            yield return Of("all nodes", _ => Task.FromResult(calibrated), mayBeFaster: true);
            yield break;
        }

        var hasChannels = calibrated.ChannelRanges.Count > 0;
        if (options.PerChannelActivations != true || !hasChannels)
            yield return Of("all nodes", token => CorrectAsync(OneScale(calibrated), token), mayBeFaster: true);
        if (options.PerChannelActivations != false && hasChannels)
            yield return Of(
                "all nodes, a scale for each channel of activations", token => CorrectAsync(calibrated, token), mayBeFaster: true);
        if (prepared.CanSmooth(calibrated)) yield return Of("all nodes, inputs of products smoothed", SmoothAsync);
    }

    /// <summary>The plan of a variant that was made.</summary>
    public QuantizationPlan PlanOf(string description) => _plans[description];

    /// <summary>The plan with the corrections that go with its nodes.</summary>
    public Task<QuantizationPlan> CorrectAsync(QuantizationPlan plan, CancellationToken cancellationToken) =>
        prepared.CorrectAsync(plan, options, cancellationToken);

    private async Task<QuantizationPlan> SmoothAsync(CancellationToken cancellationToken) =>
        await CorrectAsync(
            await prepared.SmoothAsync(
                options.PerChannelActivations == true ? calibrated : OneScale(calibrated), options,
                cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    private PlanVariant Of(string description, Func<CancellationToken, Task<QuantizationPlan>> make, bool mayBeFaster = false) =>
        new(description, mayBeFaster, async token => _plans[description] = await make(token).ConfigureAwait(false));

    private static QuantizationPlan OneScale(QuantizationPlan plan) =>
        plan with { ChannelRanges = new Dictionary<string, TensorRange[]>() };
}
