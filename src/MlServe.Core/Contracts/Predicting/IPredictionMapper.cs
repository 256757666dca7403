namespace MlServe;

/// <summary>Translates between an application's types and a model's tensors. Implementations must be safe for concurrent use.</summary>
/// <typeparam name="TInput">The application's question.</typeparam>
/// <typeparam name="TOutput">The application's answer.</typeparam>
public interface IPredictionMapper<TInput, TOutput>
{
    /// <summary>Writes an input into pooled tensor memory, as one row. An exception goes to the caller and nothing is run.</summary>
    /// <param name="input">The input.</param>
    /// <param name="writer">Gives the memory to write to; not to be kept.</param>
    void Encode(TInput input, PredictionInputWriter writer);

    /// <summary>Reads an answer, which is Ok. An exception goes to the caller.</summary>
    /// <param name="prediction">The answer; disposed when this method returns.</param>
    TOutput Decode(Prediction prediction);
}
