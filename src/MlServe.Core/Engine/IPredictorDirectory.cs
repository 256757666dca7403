using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// Finds other models by their names, for layers that ask them: a fallback chain does. A service that a host registers, and a part of the
/// <see cref="PipelineContext"/>. Safe for concurrent use.
/// </summary>
[Experimental("MLSERVE001")]
public interface IPredictorDirectory
{
    /// <summary>
    /// Another model, entered below its telemetry, with its own fallback chain and all that guards its life. Looked for at each request,
    /// because it may have been added since. Does not throw.
    /// </summary>
    /// <param name="name">The name of the model.</param>
    /// <returns>The model, not to be disposed; null if there is none.</returns>
    IPredictor? Find(string name);
}
