namespace MlServe.Features;

/// <summary>Requests that take too long are cut off.</summary>
internal sealed class TimeoutFeature : BuiltInFeature<TimeoutFeature.Options>
{
    public override string Key => nameof(ModelOptions.Timeout);

    public override FeatureSlot Slot => FeatureSlot.Timeout;

    internal override string Prefix => "";

    public override IEnumerable<string> Validate(Options options, ModelSignature? signature) =>
        options.Timeout <= TimeSpan.Zero && options.Timeout != Timeout.InfiniteTimeSpan
            ? [$"{nameof(options.Timeout)} is {options.Timeout}; it must be greater than 00:00:00."]
            : [];

    public override void Apply(ModelFeatureContext context, Options options) => context.Pipeline.UseTimeout(options.Timeout);

    internal sealed class Options
    {
        public TimeSpan? Timeout { get; set; }
    }
}
