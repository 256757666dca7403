using MlServe.Features;

namespace MlServe.Docs;

/// <summary>
/// A feature as a third party would write it: only public types are named here, which <see cref="ThirdPartyFeatureTests"/> holds.
/// </summary>
public sealed class AnswerGuardFeature : ModelFeature<AnswerGuardOptions>
{
    public AnswerGuardFeature() => AddOptionsType<AnswerGuardLimit>();

    public override string Key => "AnswerGuard";

    public override FeatureSlot Slot => FeatureSlot.Cache;

    public override IEnumerable<string> Validate(AnswerGuardOptions options, ModelSignature? signature)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxRequests < 1) yield return $"{nameof(options.MaxRequests)} is {options.MaxRequests}; it must be 1 or more.";
        foreach (var output in options.Limits.Keys)
        {
            if (signature is not null && signature.Outputs.All(known => known.Name != output))
                yield return $"{nameof(options.Limits)}:{output} names no output of the model.";
        }
    }

    public override void Complete(AnswerGuardOptions options, string contentRoot)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Folder is { } folder) options.Folder = Path.GetFullPath(folder, contentRoot);
    }

    public override void Apply(ModelFeatureContext context, AnswerGuardOptions options)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Pipeline.Use(inner => new AnswerGuard(inner, options));
    }
}

/// <summary>Options with every form that configuration has.</summary>
public sealed class AnswerGuardOptions
{
    public int MaxRequests { get; set; } = 1000;

    public string? Folder { get; set; }

    public IList<string> Labels { get; set; } = ["default"];

    public IList<AnswerGuardLimit> Steps { get; set; } = [];

    public IDictionary<string, AnswerGuardLimit> Limits { get; set; } = new Dictionary<string, AnswerGuardLimit>(StringComparer.Ordinal);

    public IDictionary<string, IList<double>> Rows { get; set; } = new Dictionary<string, IList<double>>(StringComparer.Ordinal);

    public AnswerGuardLimit Usual { get; } = new();

    public Action? OnCall { get; set; }
}

/// <summary>A class within options.</summary>
public sealed class AnswerGuardLimit
{
    public double Max { get; set; } = double.PositiveInfinity;

    public DayOfWeek? Day { get; set; }
}

/// <summary>Refuses the requests beyond a number, and counts those that come.</summary>
public sealed class AnswerGuard(IPredictor inner, AnswerGuardOptions options) : DelegatingPredictor(inner)
{
    private int _calls;

    public int Calls => Volatile.Read(ref _calls);

    public AnswerGuardOptions Options => options;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var guard = Options;
        guard.OnCall?.Invoke();
        return Interlocked.Increment(ref _calls) > guard.MaxRequests
            ? new(Prediction.FromError(new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull, "The guard has had enough.")))
            : base.PredictAsync(inputs, options, cancellationToken);
    }

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(AnswerGuard) ? this : base.GetService(serviceType, serviceKey);
}
