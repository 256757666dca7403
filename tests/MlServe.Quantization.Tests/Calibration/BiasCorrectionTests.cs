using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Calibration;

public class BiasCorrectionTests
{
    private static readonly byte[] Model = Biased();

    [Fact]
    public async Task ComputeAsync_InputsOffZero_BringsTheMeanOfTheOutputBack()
    {
        var samples = Samples();
        var plan = await Trial.CalibrateAsync(Model, Trial.Plan() with { PerChannel = false }, samples);
        var corrections = await BiasCorrection.ComputeAsync(Trial.Read(Model), plan, samples, CancellationToken.None);
        Assert.Equal(["c", "y"], corrections.Keys.Order());
        await AssertBetterAsync(plan, plan with { BiasCorrections = corrections });
    }

    [Fact]
    public async Task ComputeSequentiallyAsync_InputsOffZero_BringsTheMeanOfTheOutputBack()
    {
        var samples = Samples();
        var plan = await Trial.CalibrateAsync(Model, Trial.Plan() with { PerChannel = false }, samples);
        var corrections = await BiasCorrection.ComputeSequentiallyAsync(Trial.Read(Model), plan, samples, CancellationToken.None);
        await AssertBetterAsync(plan, plan with { BiasCorrections = corrections });
    }

    [Fact]
    public async Task Rewrite_CorrectionOfAnotherModel_IsRefused()
    {
        var plan = await Trial.CalibrateAsync(Model, Trial.Plan(), Samples());
        var wrong = plan with { BiasCorrections = new Dictionary<string, float[]> { ["y"] = [1, 2] } };
        Assert.Equal(QuantizationFailure.PlanMismatch, Assert.Throws<QuantizationException>(() => Trial.Rewrite(Model, wrong)).Failure);
    }

    private static Task AssertBetterAsync(QuantizationPlan plain, QuantizationPlan corrected)
    {
        var (before, after) = (MeanShift(Trial.Rewrite(Model, plain)), MeanShift(Trial.Rewrite(Model, corrected)));
        Assert.True(after < before * 0.7, $"{before} became {after}");
        return Task.CompletedTask;
    }

    private static double MeanShift(byte[] quantized)
    {
        var shifts = new double[16];
        foreach (var values in Inputs())
        {
            var (expected, actual) = (Trial.Run(Model, values, 1, 8, 6, 6), Trial.Run(quantized, values, 1, 8, 6, 6));
            for (var i = 0; i < shifts.Length; i++)
                shifts[i] += actual[i] - expected[i];
        }

        return shifts.Sum(static shift => shift * shift);
    }

    private static SampleSet Samples() =>
        Trial.Samples(Model, Inputs().Select(static values => PredictionInputs.Row(PredictionInput.Tensor("x", values, [1, 8, 6, 6]))));

    private static IEnumerable<float[]> Inputs() =>
        Enumerable.Range(0, 40).Select(static seed => Trial.Values(seed, 288).Select(static value => value + 2).ToArray());

    private static byte[] Biased() =>
        new OnnxModel().Input("x", OnnxModel.Float, "batch", 8, 6, 6).Output("y", OnnxModel.Float, "batch", 16)
            .Initializer("w", [.. Trial.Values(1, 576).Select(static (value, i) => value * (i < 72 ? 8 : 0.1f))], 8, 8, 3, 3)
            .Initializer("b", Trial.Values(2, 8), 8)
            .Initializer("v", Trial.Values(3, 128), 8, 16)
            .Node("Conv", ["x", "w", "b"], ["c"]).Node("Relu", ["c"], ["r"]).Node("GlobalAveragePool", ["r"], ["g"])
            .Node("Flatten", ["g"], ["f"])
            .Node("Gemm", ["f", "v"], ["y"]).ToBytes();
}
