namespace MlServe;

/// <summary>
/// A mark, found by <see cref="IPredictor.GetService"/>, of a layer that may answer in the model's place. A cache around it would keep
/// answers that are not the model's, and is refused.
/// </summary>
internal interface ISubstitutesAnswers;
