using Microsoft.Extensions.Configuration;
using MlServe.Configuration;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;

namespace MlServe.Features;

/// <summary>
/// The features of a host: the built-in ones, and those that the application and other packages have added. A new one is one line here.
/// </summary>
internal sealed class FeatureCatalog
{
    private static readonly ModelFeature[] BuiltIn =
    [
        new ServiceLevelFeature(), new OnnxFeature(), new FallbackFeature(), new CacheFeature(), new TimeoutFeature(),
        new CircuitBreakerFeature(), new ChaosFeature(), new BatchingFeature(),
    ];

    /// <summary>The cache, if code says at which place among its layers it stands.</summary>
    internal static readonly Action<PredictorBuilder, ModelOptions> PlacedCache = static (pipeline, inForce) =>
    {
        if (inForce.UseCache) pipeline.UseCache(inForce.Cache);
    };

    private static readonly PackagedFeature[] Packaged = [new("Quantization", "MlServe.Quantization", "AddMlServing().AddQuantization()")];

    static FeatureCatalog()
    {
        ConfigurationShape.Add<ModelOptions>();
        ConfigurationShape.Add<MlServingOptions>();
        ConfigurationShape.Add<OnnxRuntimeOptions>();
    }

    /// <param name="added">The additions of the application and other packages.</param>
    /// <exception cref="InvalidOperationException">One of them has a key, options or a slot that it cannot have.</exception>
    public FeatureCatalog(IEnumerable<ModelFeature> added)
    {
        List<ModelFeature> features = [.. BuiltIn];
        foreach (var feature in added)
        {
            if (ProblemOf(feature, features) is { } problem)
                throw new InvalidOperationException($"The feature {feature.GetType().Name} cannot be added: {problem}");
            features.Add(feature);
        }

        Features = [.. features.OrderBy(static feature => feature.Slot)];
        Keys =
        [
            .. features.Where(static feature => !feature.IsBuiltIn).SelectMany(KeysOf),
            .. Packaged.Where(package => !features.Exists(feature => Is(feature.Key, package.Key)))
                .Select(static package => package.ToKey()),
        ];
    }

    /// <summary>All features by slot, the built-in ones first.</summary>
    public IReadOnlyList<ModelFeature> Features { get; }

    /// <summary>The keys of a model that are no properties of <see cref="ModelOptions"/>.</summary>
    public IReadOnlyList<ExtraKey> Keys { get; }

    /// <summary>The parts of a model's section that cannot be read.</summary>
    public IEnumerable<string> Check(IConfigurationSection model) => ConfigurationShape.Check(model, typeof(ModelOptions), Keys);

    /// <summary>The faults in the options of a model's features: one message each, which begins with the key below the model's.</summary>
    public IEnumerable<string> Validate(ModelOptions options) => Features
        .Where(feature => options.Has(feature.OptionsType))
        .SelectMany(feature => feature.ValidateObject(options.Get(feature), null).Select(message => feature.Prefix + message));

    /// <summary>The faults that only the loaded model shows.</summary>
    public IEnumerable<string> Validate(ModelOptions options, string name, IPredictor model)
    {
        var problems = Features.Where(feature => options.Has(feature.OptionsType)).SelectMany(feature =>
            feature.ValidateObject(options.Get(feature), model.Signature).Select(message => feature.Prefix + message));
        return model.GetService<OnnxModelDescription>() is { Info: var info } ? problems.Concat(Validate(options, name, info)) : problems;
    }

    /// <summary>The faults in options that name parts of a model's file.</summary>
    public IEnumerable<string> Validate(ModelOptions options, string name, OnnxModelInfo info) => Features
        .Where(feature => options.Has(feature.OptionsType) && (feature.Switch is null || feature.IsUsed(options)))
        .SelectMany(feature => feature.ValidateFile(options.Get(feature), name, info).Select(message => feature.Prefix + message));

    /// <summary>The sections of features that nothing turns on. A switch that stands in configuration has been thought of.</summary>
    public IEnumerable<string> Unused(string model, IReadOnlyList<IConfigurationSection> sections, ModelOptions options)
    {
        foreach (var feature in Features)
        {
            if ((feature.Switch ?? feature.OwnSwitch) is not { } option || feature.IsUsed(options)) continue;
            if (sections.Any(section => SwitchedBy(feature, section).GetSection(option).Exists())) continue;
            if (sections.LastOrDefault(section => section.GetSection(feature.Key).Exists()) is not { } found) continue;
            var remedy = feature.Switch is null
                ? $"Set its {option} to true"
                : $"Set {option} of the model to true, or call {CallOf(feature, option)} where it is added in code";
            yield return $"{found.GetSection(feature.Key).Path} has no effect: nothing turns it on for model {model}. {remedy}; set to "
                + "false it says that this is meant.";
        }
    }

    /// <summary>Options that code has set and that no feature reads.</summary>
    public IEnumerable<string> Unread(ModelOptions options) => options.OptionsTypes
        .Where(type => !Features.Any(feature => feature.OptionsType == type))
        .Select(static type =>
            $"{type.Name} are set in code, and no feature reads them. Add the feature: AddMlServing().AddFeature<...>().");

    private static IConfigurationSection SwitchedBy(ModelFeature feature, IConfigurationSection model) =>
        feature.Switch is null ? model.GetSection(feature.Key) : model;

    private static string CallOf(ModelFeature feature, string option) =>
        feature.IsBuiltIn ? option : $"UseFeature<{feature.OptionsType.Name}>()";

    /// <summary>Adds the layers of a model: those of the application's code, and those of the features that it uses.</summary>
    public void Apply(ModelOptions options, ModelFeatureContext context)
    {
        Apply(options, context, static slot => slot < FeatureSlot.Application);

        // An answer that is kept would pass a limit or a check by. So these stand outside of the cache, also if code has placed it.
        var cache = options.Layers.IndexOf(PlacedCache);
        var outer = cache < 0 ? options.Layers.Count : cache;
        AddLayers(options, context, 0, outer);
        Apply(options, context, static slot => slot == FeatureSlot.Application);
        AddLayers(options, context, outer, options.Layers.Count);
        Apply(options, context, static slot => slot > FeatureSlot.Application);
    }

    private static void AddLayers(ModelOptions options, ModelFeatureContext context, int from, int to)
    {
        context.Feature = null;
        for (var i = from; i < to; i++)
            options.Layers[i](context.Pipeline, options);
    }

    private void Apply(ModelOptions options, ModelFeatureContext context, Func<FeatureSlot, bool> isHere)
    {
        foreach (var feature in Features.Where(feature => isHere(feature.Slot)))
            Apply(feature, options, context);
    }

    private static void Apply(ModelFeature feature, ModelOptions options, ModelFeatureContext context)
    {
        if (!feature.IsUsed(options) || (options.IsReplaced && feature.Slot == FeatureSlot.Batching)) return;
        context.Feature = feature;
        feature.ApplyObject(context, options.Get(feature));
    }

    private static IEnumerable<ExtraKey> KeysOf(ModelFeature feature)
    {
        if (feature.Switch is { } option) yield return new(option, static section => ConfigurationShape.Check(section, typeof(bool)));
        yield return new(feature.Key, section => ConfigurationShape.Check(section, feature.OptionsType));
    }

    private static string? ProblemOf(ModelFeature feature, List<ModelFeature> others)
    {
        string[] keys = feature.Switch is { } option ? [feature.Key, option] : [feature.Key];
        if (Array.Find(keys, static key => string.IsNullOrWhiteSpace(key) || key.Contains(':', StringComparison.Ordinal)) is { } none)
            return $"'{none}' is no key; it must be a name without ':'.";
        List<string?> taken = [.. typeof(ModelOptions).GetProperties().Select(static property => property.Name)];
        taken.AddRange(others.SelectMany(static other => new[] { other.Key, other.Switch }));
        if (Array.Find(keys, key => taken.Exists(name => Is(name, key))) is { } doubled)
            return $"the key '{doubled}' of models is another one's. Choose another.";
        if (others.Find(other => other.OptionsType == feature.OptionsType) is { } same)
            return $"its options {feature.OptionsType.Name} are those of the feature '{same.Key}' too. Give it a class of its own.";
        return feature.Slot is FeatureSlot.Fallback or FeatureSlot.Batching
            ? $"the slot {feature.Slot} is for the built-in feature alone. Choose another one."
            : null;
    }

    private static bool Is(string? name, string key) => string.Equals(name, key, StringComparison.OrdinalIgnoreCase);
}
