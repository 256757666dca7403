namespace MlServe.Features;

/// <summary>A model that is being loaded, as a feature sees it.</summary>
public sealed class ModelFeatureContext
{
    private readonly PredictorBuilder _pipeline;
    private readonly List<Func<IModelSource, IServiceProvider, IModelSource>> _wrappers;

    internal ModelFeatureContext(
        string model, ServiceLevel serviceLevel, IServiceProvider services, PredictorBuilder pipeline,
        List<Func<IModelSource, IServiceProvider, IModelSource>> wrappers, bool isCachePlaced)
    {
        Model = model;
        ServiceLevel = serviceLevel;
        Services = services;
        IsCachePlaced = isCachePlaced;
        _pipeline = pipeline;
        _wrappers = wrappers;
    }

    /// <summary>The name of the model.</summary>
    public string Model { get; }

    /// <summary>The model's promise to its callers.</summary>
    public ServiceLevel ServiceLevel { get; }

    /// <summary>The services of the host.</summary>
    public IServiceProvider Services { get; }

    /// <summary>The layers around the model. Layers that are added now stand at the feature's slot.</summary>
    /// <exception cref="InvalidOperationException">
    /// The slot of the feature is <see cref="FeatureSlot.Source"/>, which adds no layer.
    /// </exception>
    public PredictorBuilder Pipeline => Feature is { Slot: FeatureSlot.Source } feature
        ? throw new InvalidOperationException(
            $"The feature '{feature.Key}' has the slot Source, and adds no layer. Give it the slot where its layer stands.")
        : _pipeline;

    /// <summary>The feature that is being added.</summary>
    internal ModelFeature? Feature { get; set; }

    /// <summary>Whether code has said at which place among its layers the cache stands.</summary>
    internal bool IsCachePlaced { get; }

    /// <summary>Puts a source around the one that the model comes from, and around those that code has put there.</summary>
    /// <param name="wrap">Is given the source and the host's services; its result is not disposed.</param>
    public void WrapSource(Func<IModelSource, IServiceProvider, IModelSource> wrap)
    {
        ArgumentNullException.ThrowIfNull(wrap);
        _wrappers.Add(wrap);
    }
}
