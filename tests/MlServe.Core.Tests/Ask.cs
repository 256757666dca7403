using MlServe.Onnx;

namespace MlServe;

/// <summary>Asks a predictor and waits.</summary>
internal static class Ask
{
    public static Prediction The(IPredictor predictor, in PredictionInputs inputs, PredictionOptions? options = null) =>
        predictor.PredictAsync(inputs, options, TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult();

    public static OnnxPredictor Load(IModelSource source, OnnxModelOptions? options = null, ModelLoadContext? context = null) =>
        OnnxPredictor.LoadAsync(source, options, context, TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult();

    /// <summary>Asks what cannot be answered: the error, whose status and code must be those.</summary>
    public static PredictionError TheError(
        IPredictor predictor, in PredictionInputs inputs, PredictionErrorCode code,
        PredictionStatus status = PredictionStatus.Invalid, PredictionOptions? options = null)
    {
        using var prediction = The(predictor, inputs, options);
        Assert.False(prediction.IsOk, "An answer came where an error was due.");
        Assert.Equal(code, prediction.Error.Code);
        Assert.Equal(status, prediction.Status);
        Assert.Equal(status, prediction.Error.Status);
        return prediction.Error;
    }

    public static void Says(string text, params string[] parts)
    {
        foreach (var part in parts)
            Assert.Contains(part, text, StringComparison.Ordinal);
    }
}
