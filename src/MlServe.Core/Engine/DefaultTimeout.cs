namespace MlServe;

/// <summary>
/// Found by <see cref="IPredictor.GetService"/>: how long a call waits that does not say (<see cref="PredictionOptions.Timeout"/>). A layer
/// in which calls wait for others counts that wait as well.
/// </summary>
internal sealed record DefaultTimeout(TimeSpan Time);
