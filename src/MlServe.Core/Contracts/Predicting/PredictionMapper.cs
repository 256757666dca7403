namespace MlServe;

/// <summary>Makes mappers of functions.</summary>
public static class PredictionMapper
{
    /// <summary>Makes a mapper of two functions.</summary>
    /// <typeparam name="TInput">The application's question.</typeparam>
    /// <typeparam name="TOutput">The application's answer.</typeparam>
    /// <param name="encode">See <see cref="IPredictionMapper{TInput, TOutput}.Encode"/>.</param>
    /// <param name="decode">See <see cref="IPredictionMapper{TInput, TOutput}.Decode"/>.</param>
    public static IPredictionMapper<TInput, TOutput> Create<TInput, TOutput>(
        Action<TInput, PredictionInputWriter> encode, Func<Prediction, TOutput> decode)
    {
        ArgumentNullException.ThrowIfNull(encode);
        ArgumentNullException.ThrowIfNull(decode);
        return new Functions<TInput, TOutput>(encode, decode);
    }

    private sealed class Functions<TInput, TOutput>(Action<TInput, PredictionInputWriter> encode, Func<Prediction, TOutput> decode)
        : IPredictionMapper<TInput, TOutput>
    {
        public void Encode(TInput input, PredictionInputWriter writer) => encode(input, writer);

        public TOutput Decode(Prediction prediction) => decode(prediction);
    }
}
