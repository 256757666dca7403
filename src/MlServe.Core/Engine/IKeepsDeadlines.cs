namespace MlServe;

/// <summary>
/// A mark, found by <see cref="IPredictor.GetService"/>, of a predictor that keeps <see cref="PredictionOptions.Timeout"/> by itself, down to the run: a timeout around it has
/// only to say how long.
/// </summary>
internal interface IKeepsDeadlines;
