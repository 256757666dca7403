using MlServe.Features;

namespace MlServe.AotTest;

/// <summary>A feature of the application's, whose options no code but the binder names.</summary>
internal sealed class LimitFeature : ModelFeature<LimitOptions>
{
    public LimitFeature() => AddOptionsType<LimitRange>();

    public override string Key => "Limit";

    public override FeatureSlot Slot => FeatureSlot.Application;

    public override void Apply(ModelFeatureContext context, LimitOptions options) =>
        context.Pipeline.Use(inner => new LimitLayer(inner, options));
}

internal sealed class LimitOptions
{
    public LimitRange Usual { get; set; } = new();

    public IList<LimitRange> Ranges { get; set; } = [];

    public IDictionary<string, IList<double>> Rows { get; set; } = new Dictionary<string, IList<double>>(StringComparer.Ordinal);

    public IDictionary<string, LimitRange> Named { get; set; } = new Dictionary<string, LimitRange>(StringComparer.Ordinal);
}

internal sealed class LimitRange
{
    public int? Max { get; set; }

    public DayOfWeek Day { get; set; }
}

internal sealed class LimitLayer(IPredictor inner, LimitOptions options) : DelegatingPredictor(inner)
{
    public LimitOptions Options => options;

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(LimitLayer) ? this : base.GetService(serviceType, serviceKey);
}
