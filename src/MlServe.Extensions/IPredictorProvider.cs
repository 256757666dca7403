using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// The models of a host by name, those included that a reload of the configuration adds. Safe for concurrent use. Names are compared as
/// configuration keys are, ignoring case.
/// </summary>
/// <remarks>
/// Use this, and not keyed services, for names that come from outside: the container remembers every key that it was ever asked for.
/// </remarks>
public interface IPredictorProvider
{
    /// <summary>The names of all models, loaded or not; those added in code first.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>
    /// Gives the predictor of a model, always the same one. It may be had before the model is loaded, and answers
    /// <see cref="PredictionStatus.NotReady"/> until then. It belongs to the provider: do not dispose it.
    /// </summary>
    /// <param name="name">The name of the model.</param>
    /// <exception cref="KeyNotFoundException">There is no such model; the message lists those that are.</exception>
    /// <exception cref="ObjectDisposedException">The provider has been disposed.</exception>
    IPredictor GetPredictor(string name);

    /// <summary>Gives the predictor of a model if there is one of that name.</summary>
    /// <param name="name">The name of the model.</param>
    /// <param name="predictor">Its predictor, or null.</param>
    /// <exception cref="ObjectDisposedException">The provider has been disposed.</exception>
    bool TryGetPredictor(string name, [NotNullWhen(true)] out IPredictor? predictor);

    /// <summary>
    /// Loads and warms up every model that is not loaded yet. A host does this before it starts anything else; call it if there is no host.
    /// </summary>
    /// <param name="cancellationToken">
    /// Ends the waiting. A load is the model's, not its caller's. One that has begun goes on for others who wait for it, and for later
    /// callers, until the provider is disposed.
    /// </param>
    /// <exception cref="ModelLoadException">A model could not be loaded; the message names all that could not.</exception>
    /// <exception cref="InvalidOperationException">ONNX Runtime is already up in this process with other options.</exception>
    Task LoadAsync(CancellationToken cancellationToken = default);
}
