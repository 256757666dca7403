using MlServe.Caching;

namespace MlServe.Features;

/// <summary>Answers that are kept and given again.</summary>
internal sealed class CacheFeature : BuiltInFeature<CacheOptions>
{
    public override string Key => nameof(ModelOptions.Cache);

    public override FeatureSlot Slot => FeatureSlot.Cache;

    public override IEnumerable<string> Validate(CacheOptions options, ModelSignature? signature) => options.Validate();

    public override void Apply(ModelFeatureContext context, CacheOptions options)
    {
        if (!context.IsCachePlaced) context.Pipeline.UseCache(options);
    }
}
