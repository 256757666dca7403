using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// A mark of a predictor or layer that keeps <see cref="PredictionOptions.Timeout"/> by itself. When the time is over, its caller has an
/// answer, although a layer inside of it may go on. A limit of time around it then tells it the time, and makes no copy of the inputs.
/// </summary>
/// <remarks>
/// Asked of the object and not by <see cref="IPredictor.GetService"/>: a layer around one that keeps deadlines does not keep them by that.
/// A layer that bears the mark and does not keep the time lets its callers wait.
/// </remarks>
[Experimental("MLSERVE001")]
public interface IKeepsDeadlines;
