namespace MlServe;

/// <summary>
/// A predictor that keeps <see cref="PredictionOptions.Timeout"/> by itself: when the time is over its caller has an answer, whatever is
/// inside of it. Asked of the object and not by <see cref="IPredictor.GetService"/>: a layer of the application's around one that keeps
/// deadlines does not keep them.
/// </summary>
internal interface IKeepsDeadlines;
