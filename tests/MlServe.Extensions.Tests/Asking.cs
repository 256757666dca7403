using Xunit;

namespace MlServe;

/// <summary>What the tests ask of the models of <see cref="TinyOnnx.WeightedSum"/>.</summary>
internal static class Asking
{
    public static PredictionInputs OneTwoThree { get; } = PredictionInputs.Row<float>([1, 2, 3]);

    /// <summary>The model's answer to 1, 2, 3.</summary>
    public static async Task<float> SumAsync(this IPredictor predictor)
    {
        using var prediction = await predictor.PredictAsync(OneTwoThree, cancellationToken: TestContext.Current.CancellationToken);
        return prediction.EnsureOk()["y"].ToScalar<float>();
    }

    /// <summary>The error of a request that is not answered.</summary>
    public static async Task<PredictionError> ErrorAsync(this IPredictor predictor)
    {
        using var prediction = await predictor.PredictAsync(OneTwoThree, cancellationToken: TestContext.Current.CancellationToken);
        return prediction.Error;
    }
}
