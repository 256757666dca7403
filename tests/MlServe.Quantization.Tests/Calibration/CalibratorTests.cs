using MlServe.Quantization.Rewriting;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Calibration;

public class CalibratorTests
{
    private static readonly byte[] Model = new OnnxModel().Input("x", OnnxModel.Float, "batch", 2).Output("z", OnnxModel.Float, "batch", 2)
        .Initializer("w", [1f, 0, 0, -1], 2, 2).Node("MatMul", ["x", "w"], ["y"]).Node("Log", ["y"], ["l"])
        .Node("MatMul", ["l", "w"], ["z"]).ToBytes();

    [Fact]
    public async Task RunAsync_MinMax_IsTheLeastAndGreatestOfAllSamples()
    {
        var result = await RunAsync(["x", "y"], [2, -3], [5, -1, 0.5f, -7]);
        Assert.Equal(new(-7, 5), result.Ranges["x"]);
        Assert.Equal(new(0.5f, 7), result.Ranges["y"]);
        Assert.Equal(2, result.Samples);
    }

    [Theory]
    [InlineData(CalibrationMethod.Percentile)]
    [InlineData(CalibrationMethod.Mse)]
    [InlineData(CalibrationMethod.Entropy)]
    public async Task RunAsync_OtherMethods_LieInsideAndHoldConstants(CalibrationMethod method)
    {
        var random = new Random(1);
        var values = Enumerable.Range(0, 4000)
            .Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5)).ToArray();
        values[1234] = 500;
        var result = await RunAsync(new CalibrationSettings { Method = method, Percentile = 99.9 }, ["x"], values, [-1, 1]);
        Assert.InRange(result.Ranges["x"].Min, -1.5f, -0.5f);
        Assert.InRange(result.Ranges["x"].Max, 0.5f, method == CalibrationMethod.Percentile ? 2 : 500);
        Assert.Equal(new(0, 0), (await RunAsync(new CalibrationSettings { Method = method }, ["x"], [0, 0], [0, 0])).Ranges["x"]);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public async Task RunAsync_NotFinite_NamesTensorAndSample(float value)
    {
        var exception = await Assert.ThrowsAsync<QuantizationException>(() => RunAsync(["x"], [1, 1], [value, 1]));
        Assert.Equal(QuantizationFailure.NotFinite, exception.Failure);
        Assert.Contains("'x'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("sample 1", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_NotFiniteInside_NamesTheValue()
    {
        var exception = await Assert.ThrowsAsync<QuantizationException>(() => RunAsync(["l"], [0f, -1]));
        Assert.Contains("'l'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_NoSamples_IsRefused() =>
        Assert.Equal(
            QuantizationFailure.NoCalibrationData, (await Assert.ThrowsAsync<QuantizationException>(() => RunAsync(["x"]))).Failure);

    [Fact]
    public async Task RunAsync_NoElements_NamesTheTensor()
    {
        var exception = await Assert.ThrowsAsync<QuantizationException>(() => RunAsync(["y"], Array.Empty<float>()));
        Assert.Contains("'y'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_Cancelled_StopsBetweenRuns()
    {
        using var cancel = new CancellationTokenSource();
        IEnumerable<PredictionInputs> Endless()
        {
            for (var i = 0; ; i++)
            {
                if (i == 5) cancel.Cancel();
                yield return Input([1, -1]);
            }
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            Calibrator.RunAsync(Trial.Read(Model), ["x"], Trial.Samples(Model, Endless()), new(), cancel.Token));
    }

    private static PredictionInputs Input(float[] values) =>
        PredictionInputs.Row(PredictionInput.Tensor("x", values, [values.Length / 2, 2]));

    private static Task<CalibrationResult> RunAsync(string[] tensors, params float[][] samples) =>
        RunAsync(new CalibrationSettings(), tensors, samples);

    private static Task<CalibrationResult> RunAsync(CalibrationSettings settings, string[] tensors, params float[][] samples) =>
        Calibrator.RunAsync(Trial.Read(Model), tensors, Trial.Samples(Model, samples.Select(Input)), settings, CancellationToken.None);
}
