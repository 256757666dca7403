using MlServe.Configuration;
using MlServe.Onnx.Inspection;
using MlServe.Resilience;

namespace MlServe.Features;

/// <summary>Requests are kept from a model that fails too often.</summary>
internal sealed class CircuitBreakerFeature : BuiltInFeature<CircuitBreakerOptions>
{
    public override string Key => nameof(ModelOptions.CircuitBreaker);

    public override FeatureSlot Slot => FeatureSlot.CircuitBreaker;

    public override IEnumerable<string> Validate(CircuitBreakerOptions options, ModelSignature? signature) => options.Validate();

    internal override IEnumerable<string> ValidateFile(object options, string model, OnnxModelInfo info)
    {
        List<string> known = [.. info.Outputs.Select(static output => output.Name)];
        return ((CircuitBreakerOptions)options).ProbabilityOutputs.Where(name => !known.Contains(name, StringComparer.Ordinal))
            .Select(name => $"{nameof(CircuitBreakerOptions.ProbabilityOutputs)} names '{name}', which is no output of the model."
                + $"{Suggestion.Of(name, known)} It has: {DeclaredNames.Listed(known)}.");
    }

    public override void Apply(ModelFeatureContext context, CircuitBreakerOptions options) => context.Pipeline.UseCircuitBreaker(options);
}
