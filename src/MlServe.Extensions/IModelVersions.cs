using Microsoft.Extensions.Options;

namespace MlServe;

/// <summary>
/// The versions of one model of a host, and how one takes the place of another while requests come. Injected by the model's name
/// (<c>[FromKeyedServices("digits")]</c>), or had from its predictor by <see cref="IPredictor.GetService"/>. Safe for concurrent use.
/// </summary>
/// <remarks>
/// <para> A version is loaded beside the live one, checked and warmed up, and published in one exchange. The former one is drained: it
/// answers the requests that it has accepted, and is then closed. No request fails or is lost by that. Predictors that were injected before
/// stay valid, typed doors among them. </para> <para> Each version has a cache, a circuit breaker and a batcher of its own, with what they
/// know: they begin anew. The fallback chain finds earlier answers if the cache has <c>StaleFromOtherVersions</c>. </para> <para> One
/// version is loaded at a time. For a while, two versions of a model are in memory. At most 8 are loaded at once, those being drained among
/// them; a further load is refused. </para>
/// </remarks>
public interface IModelVersions
{
    /// <summary>The name of the model.</summary>
    string Model { get; }

    /// <summary>The version that answers; null: none does.</summary>
    ModelVersion? Live { get; }

    /// <summary>All versions that are loaded, the oldest first.</summary>
    IReadOnlyList<ModelVersion> All { get; }

    /// <summary>
    /// Loads the model anew, as configuration and code describe it now, also if nothing has changed. The new version takes the place of the
    /// live one. A model that is not loaded is loaded. Calls that come while a reload runs wait together for the next one.
    /// </summary>
    /// <param name="cancellationToken">Ends the waiting; a reload that others may wait for goes on.</param>
    /// <returns>
    /// The new version, when it is live and the former one is closed, or has been waited for as long as
    /// <see cref="MlServingOptions.DrainTimeout"/> says.
    /// </returns>
    /// <exception cref="ModelLoadException">
    /// The version could not be loaded or checked, or does not fit in the place of the live one, which goes on answering.
    /// </exception>
    /// <exception cref="OptionsValidationException">The options are not valid; the live version goes on answering.</exception>
    /// <exception cref="ObjectDisposedException">The host has stopped, or stopped meanwhile.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task<ModelVersion> ReloadAsync(CancellationToken cancellationToken = default);

    /// <summary>Loads a version beside the live one and warms it up. It answers nobody until it is published.</summary>
    /// <param name="change">
    /// Changes the options: <see cref="ModelOptions.Path"/> (a relative one starts at the content root),
    /// <see cref="ModelOptions.Version"/>, a source (<see cref="ModelOptions.ReplaceBy(IModelSource)"/>), any option. Null: nothing. It
    /// holds for this version alone: the next reload does not know of it.
    /// </param>
    /// <param name="cancellationToken">Gives the load up.</param>
    /// <returns>The version, in <see cref="ModelVersionState.Standby"/>.</returns>
    /// <exception cref="ModelLoadException">
    /// The version could not be loaded or checked, or could not take the place of the live one.
    /// </exception>
    /// <exception cref="OptionsValidationException">The options are not valid.</exception>
    /// <exception cref="InvalidOperationException">The model is not loaded, or has too many versions.</exception>
    /// <exception cref="ObjectDisposedException">The host has stopped, or stopped meanwhile.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task<ModelVersion> LoadAsync(Action<ModelOptions>? change = null, CancellationToken cancellationToken = default);

    /// <summary>Lets a version take the place of the live one.</summary>
    /// <param name="version">The version, in <see cref="ModelVersionState.Standby"/>; the live one: nothing is done.</param>
    /// <param name="keepFormer">
    /// Whether the former version stays loaded in <see cref="ModelVersionState.Standby"/>, to be published again without a load. Default:
    /// false, it is drained and closed.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting for its turn, and then for the former version to be drained, which goes on.</param>
    /// <exception cref="InvalidOperationException">The version is not loaded any more, is of another model, or the model is not
    /// loaded.</exception>
    /// <exception cref="ObjectDisposedException">The host has stopped.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task PublishAsync(ModelVersion version, bool keepFormer = false, CancellationToken cancellationToken = default);

    /// <summary>Drains and closes a version that is not live; one that is closed already is none the worse.</summary>
    /// <param name="version">The version.</param>
    /// <param name="cancellationToken">Ends the waiting; the version is closed all the same.</param>
    /// <exception cref="InvalidOperationException">The version is live, or of another model.</exception>
    /// <exception cref="ObjectDisposedException">The host has stopped.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task UnloadAsync(ModelVersion version, CancellationToken cancellationToken = default);
}
