using MlServe.Hosting;

namespace MlServe;

/// <summary>One version of a host's model that is or was loaded. Safe for concurrent use.</summary>
public sealed class ModelVersion
{
    private readonly VersionSet _set;
    private readonly Lazy<PipelineOwner> _pipeline;

    internal ModelVersion(ServedVersion version, VersionSet set)
    {
        Served = version;
        _set = set;

        // All who ask for it share it, and some are used to disposing what they get.
        _pipeline = new(() => new PredictorBuilder(version)
            .UseStage((_, _) => new ReadinessStage(VersionSet.Of(version, Unloaded()))).BuildOwned(new()));
    }

    /// <summary>Which file it is. Two loads of one file have equal identities; each is a <see cref="ModelVersion"/> of its own.</summary>
    public ModelIdentity Identity => Served.Identity ?? new(Served.Settings.Model, Served.Settings.Options.Version);

    /// <summary>The inputs and outputs.</summary>
    public ModelSignature Signature => Served.Signature;

    /// <summary>When it was loaded, by the host's clock.</summary>
    public DateTimeOffset LoadedAt => Served.LoadedAt;

    /// <summary>Its state at the moment of asking.</summary>
    public ModelVersionState State => Served.IsClosed ? ModelVersionState.Closed
        : Served.IsRetired ? ModelVersionState.Draining
        : ReferenceEquals(_set.Live, Served) ? ModelVersionState.Live
        : ModelVersionState.Standby;

    /// <summary>
    /// Asks this version, live or not, below telemetry and fallback: to verify one before it is published. Answers
    /// <see cref="PredictionStatus.NotReady"/> once it takes no more requests. Disposing it does nothing to the version.
    /// </summary>
    public IPredictor Predictor => _pipeline.Value.Predictor;

    internal ServedVersion Served { get; }

    /// <inheritdoc />
    public override string ToString() => $"{Identity.Name} {Identity.Version} ({State})";

    private PredictionError Unloaded() => new(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded,
        "This version of model '{0}' takes no more requests: another one has taken its place, or it was unloaded.", Served.Settings.Model)
    {
        Model = Served.Identity,
    };
}
