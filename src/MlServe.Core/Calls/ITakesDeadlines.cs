namespace MlServe;

/// <summary>
/// A predictor of this house that is told until when its caller waits, and not for how long. So no layer turns a moment into a time and
/// back. The time that one layer waits is time that the next does not have.
/// </summary>
internal interface ITakesDeadlines
{
    /// <summary>As <see cref="IPredictor.PredictAsync"/>.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="options">The options.</param>
    /// <param name="deadline">Until when the caller waits, in place of <see cref="PredictionOptions.Timeout"/>;
    /// <see cref="Deadline.Never"/>: as the options say.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken);
}
