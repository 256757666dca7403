namespace MlServe;

/// <summary>
/// A layer of the application's that takes part in the warm-up of a host's models, so that its code is compiled before the first request.
/// Layers that are not are left out of it: they never see a request that nobody made.
/// </summary>
public interface IWarmable
{
    /// <summary>
    /// Makes a twin of this layer for the warm-up: one that does the same with a request, and keeps, counts, logs and sends nothing. Called
    /// up to ten times at each load, on a thread of the thread pool, before the model is ready.
    /// </summary>
    /// <param name="inner">
    /// The rest of a pipeline that is used for the warm-up alone: the layers inside of this one, built once more, around the model itself.
    /// Not to be disposed by the twin.
    /// </param>
    /// <returns>
    /// The twin, which is disposed after some requests; <paramref name="inner"/>: none. A twin that fails, or does not answer, ends the
    /// warm-up, which is logged; the model is ready all the same.
    /// </returns>
    IPredictor CreateWarmUpTwin(IPredictor inner);
}
