namespace MlServe;

/// <summary>
/// Finds the models that a fallback chain names: the seam between the chain and the host. A service of whoever builds the pipeline.
/// </summary>
internal interface IFallbackTargets
{
    /// <summary>
    /// Another model, entered below what counts and admits callers, with its own fallback chain and all that guards its life. Looked for at
    /// each request: it may have been added since.
    /// </summary>
    /// <param name="name">The name of the model.</param>
    /// <returns>The model, or null where there is none.</returns>
    IPredictor? Find(string name);
}
