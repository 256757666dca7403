using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// A mark of a layer that hands on the pending task of the predictor inside as it is. Those of built-in layers bear a second await and a
/// caller's dead context. Around a layer without the mark the pipeline puts an awaitable of its own, so that all tasks do.
/// Asked of the object and not by <see cref="IPredictor.GetService"/>.
/// </summary>
/// <remarks>
/// Saves that awaitable for each pending call. Not for a layer that makes tasks of its own: an async method's, say.
/// </remarks>
[Experimental("MLSERVE001")]
public interface IShieldsCallers
{
    /// <summary>
    /// Whether its tasks are of that kind; of a layer around another, whether that one's are:
    /// <c>Inner is IShieldsCallers { IsShielding: true }</c>.
    /// </summary>
    bool IsShielding { get; }
}
