using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// A mark, found by <see cref="IPredictor.GetService"/>, of a layer that may answer in the model's place. A cache around it would keep
/// answers that are not the model's, and a circuit breaker would not see its failures: <see cref="PredictorBuilder.Build"/> refuses both.
/// </summary>
[Experimental("MLSERVE001")]
public interface ISubstitutesAnswers;
