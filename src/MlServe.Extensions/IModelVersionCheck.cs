namespace MlServe;

/// <summary>
/// A check of the application's that a version must pass before it may take the place of the live one. Known inputs with known answers are
/// an example. Add it to the services as a singleton. All that are added are asked, in their order, also if a change of options loads the
/// version.
/// </summary>
/// <remarks>
/// The first version of a model is not asked for: without it there would be none. Must be safe for concurrent use. A check cannot change
/// the model's versions: <see cref="IModelVersions"/> throws <see cref="InvalidOperationException"/> there.
/// </remarks>
public interface IModelVersionCheck
{
    /// <summary>Checks a version that is loaded and warm, and answers nobody yet.</summary>
    /// <param name="version">The version; ask it by <see cref="ModelVersion.Predictor"/>.</param>
    /// <param name="live">The version that answers, to compare with.</param>
    /// <param name="cancellationToken">Cancelled when the load is given up, or the host stops. No other version of the model is loaded
    /// until the check ends.</param>
    /// <exception cref="Exception">The version is refused: the message says why. It is closed, and the live one goes on
    /// answering.</exception>
    ValueTask CheckAsync(ModelVersion version, ModelVersion live, CancellationToken cancellationToken);
}
