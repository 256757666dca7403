using MlServe.Resilience;

namespace MlServe.Features;

/// <summary>The chain that answers in the model's place.</summary>
internal sealed class FallbackFeature : BuiltInFeature<FallbackFeature.Options>
{
    public FallbackFeature()
    {
        AddOptionsType<FallbackStepOptions>();
        AddOptionsType<FallbackMapOptions>();
    }

    public override string Key => nameof(ModelOptions.Fallback);

    public override string? Switch => null;

    public override FeatureSlot Slot => FeatureSlot.Fallback;

    internal override string Prefix => "";

    public override IEnumerable<string> Validate(Options options, ModelSignature? signature)
    {
        for (var i = 0; i < options.Steps.Count; i++)
        {
            foreach (var message in options.Steps[i].Validate(isFirst: i == 0))
                yield return $"{Key}:{i}{message}";
        }
    }

    public override void Apply(ModelFeatureContext context, Options options)
    {
        // Nothing to add: the chain answers also before the model is loaded, so that the host's model puts it around itself.
    }

    internal sealed class Options
    {
        public IList<FallbackStepOptions> Steps { get; set; } = [];

        /// <summary>The chain as code says it.</summary>
        public Action<FallbackBuilder>? Chain { get; set; }

        /// <summary>The chain: as configuration says it, else as code does.</summary>
        public IReadOnlyList<FallbackStep> ToSteps()
        {
            var chain = new FallbackBuilder();
            if (Steps.Count == 0) Chain?.Invoke(chain);
            foreach (var step in Steps)
                Add(chain, step);
            return chain.Steps;
        }

        private static void Add(FallbackBuilder chain, FallbackStepOptions step)
        {
            if (!string.IsNullOrWhiteSpace(step.Model))
            {
                chain.To(step.Model);
                if (step.After is { } delay) chain.After(delay);
            }
            else if (step.StaleAnswer)
            {
                chain.ThenStaleAnswer();
            }
            else
            {
                chain.ThenNumbers(
                    step.Value.Select(static value => KeyValuePair.Create(value.Key, value.Value.ToArray())),
                    step.Maps.Select(static map => KeyValuePair.Create<string, IReadOnlyDictionary<string, double>>(
                        map.Output ?? "", map.Entries.AsReadOnly())));
            }
        }
    }
}
