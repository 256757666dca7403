using MlServe.Resilience;

namespace MlServe.Features;

/// <summary>Requests are kept from a model that fails too often.</summary>
internal sealed class CircuitBreakerFeature : BuiltInFeature<CircuitBreakerOptions>
{
    public override string Key => nameof(ModelOptions.CircuitBreaker);

    public override FeatureSlot Slot => FeatureSlot.CircuitBreaker;

    public override IEnumerable<string> Validate(CircuitBreakerOptions options, ModelSignature? signature) => options.Validate();

    public override void Apply(ModelFeatureContext context, CircuitBreakerOptions options) => context.Pipeline.UseCircuitBreaker(options);
}
