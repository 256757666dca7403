namespace MlServe;

/// <summary>
/// A capability (<see cref="IPredictor.GetService"/>) of a predictor that keeps answers. It gives those that it has, however old, to
/// callers that would otherwise get none. Safe for concurrent use.
/// </summary>
public interface IStaleAnswers
{
    /// <summary>
    /// Looks for an earlier answer to an equal request. Runs nothing, waits for nothing and never throws for a fault of the data.
    /// </summary>
    /// <param name="inputs">The inputs; borrowed during the call.</param>
    /// <param name="options">The wishes of the call beyond its inputs; null: all outputs.</param>
    /// <param name="answer">
    /// The answer, to be disposed: its <see cref="PredictionOrigin.Source"/> is <see cref="PredictionSource.StaleCache"/>, its
    /// <see cref="PredictionOrigin.Age"/> says how old it is, its <see cref="PredictionOrigin.Model"/> which version gave it.
    /// </param>
    /// <returns>Whether there is one.</returns>
    bool TryGetStaleAnswer(PredictionInputs inputs, PredictionOptions? options, out Prediction answer);
}
