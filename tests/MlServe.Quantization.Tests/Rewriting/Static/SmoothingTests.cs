using MlServe.Quantization.Calibration;
using MlServe.Quantization.Model;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting.Static;

public class SmoothingTests
{
    private const int Columns = 128;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("MatMul")]
    [InlineData("Gemm")]
    [InlineData("Gemm, turned")]
    public async Task Static_ColumnsOfOtherWidths_AreNearerByTenDecibels(string kind)
    {
        var model = Model(kind);
        var plan = Trial.Plan();
        var plain = Trial.Rewrite(model, await Trial.CalibrateAsync(model, plan, Samples(model)));

        var factors = await SmoothingFactors.ComputeAsync(Trial.Read(model), plan, Samples(model), Token);
        var exact = OnnxFile.ToBytes(Smoothing.Apply(Trial.Read(model), plan with { InputFactors = factors }));
        var smoothed = OnnxFile.ToBytes(StaticRewriter.Rewrite(
            Trial.Read(model), await CalibrateAsync(model, plan with { InputFactors = factors })).Model);

        Assert.Equal(Columns, Assert.Single(factors).Value.Length);
        Assert.True(SnrOf(model, exact) > 100);
        Assert.True(SnrOf(model, smoothed) > SnrOf(model, plain) + 10, $"{SnrOf(model, plain)} to {SnrOf(model, smoothed)} dB");
    }

    [Fact]
    public void Readers_ValueThatComesAsIntegers_IsNotSmoothed()
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, "n", 64).Output("y", OnnxModel.Float, "n", 16)
            .Initializer("a", Trial.Values(1, 64 * 32), 64, 32).Initializer("b", Trial.Values(2, 32 * 16), 32, 16)
            .Node("Gemm", ["x", "a"], ["h"]).Node("Relu", ["h"], ["r"]).Node("Gemm", ["r", "b"], ["y"]).ToBytes();

        Assert.Equal(["x"], Smoothing.Readers(new(Trial.Read(model).Graph), Trial.Plan()).Select(static reader => reader.Value));
    }

    [Fact]
    public void Apply_FactorsOfAnotherModel_AreRefused()
    {
        foreach (var factors in (float[][])[new float[3], [.. Enumerable.Repeat(-1f, Columns)], [.. Enumerable.Repeat(float.NaN, Columns)]])
        {
            var plan = Trial.Plan() with { InputFactors = new Dictionary<string, float[]> { ["x"] = factors } };
            var exception = Assert.Throws<QuantizationException>(() => Smoothing.Apply(Trial.Read(Model("MatMul")), plan));
            Assert.Equal(QuantizationFailure.PlanMismatch, exception.Failure);
        }
    }

    [Fact]
    public async Task QuantizeAsync_ColumnsOfOtherWidths_SmoothsAndReplays()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("m.onnx", Model("MatMul"));
        var options = new QuantizationOptions
        {
            MinMultiplications = 0,
            Gate = new()
            {
                MinSpeedup = 0,
                MinSpeed = 0,
                MinAgreement = null,
                MinSnrDb = 30,
                Metrics = new Dictionary<string, OutputMetric> { ["y"] = OutputMetric.Regression },
            },
        }
            .CalibrateWith(Inputs(64, Columns));

        var report = await OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], options, Token);

        Assert.Equal((QuantizationMethod.Static, true), (report.Method, report.Passed));
        Assert.Equal(["x"], report.Plan.InputFactors.Keys);
        await OnnxQuantizer.QuantizeAsync(
            source, folder["again.onnx"], new() { Plan = QuantizationPlan.FromJson(report.Plan.ToJson()) }, Token);
        Assert.Equal(File.ReadAllBytes(folder["q.onnx"]), File.ReadAllBytes(folder["again.onnx"]));
    }

    private static double SnrOf(byte[] model, byte[] written)
    {
        const int rows = 16;
        float[] values = [.. Enumerable.Range(0, rows).SelectMany(Row)];
        return Trial.Snr(Trial.Run(model, values, rows, Columns), Trial.Run(written, values, rows, Columns));
    }

    private static async Task<QuantizationPlan> CalibrateAsync(byte[] model, QuantizationPlan plan)
    {
        var smoothed = Smoothing.Apply(Trial.Read(model), plan);
        var result = await Calibrator.RunAsync(
            smoothed, StaticRewriter.TensorsToCalibrate(Trial.Read(model), plan), Samples(model), new(), Token);
        return plan with { Ranges = result.Ranges };
    }

    private static Runtime.SampleSet Samples(byte[] model) => Trial.Samples(model, Inputs(32, 1, Columns));

    /// <summary>Two columns are a hundred times as wide as the rest, as those of a layer normalization are in many encoders.</summary>
    private static IEnumerable<PredictionInputs> Inputs(int count, params long[] shape)
    {
        for (var i = 0; i < count; i++)
            yield return PredictionInputs.Row(PredictionInput.Tensor("x", Row(i), shape));
    }

    private static float[] Row(int seed)
    {
        var values = Trial.Values(seed + 100, Columns);
        values[5] *= 100;
        values[77] *= 100;
        return values;
    }

    private static byte[] Model(string kind)
    {
        var weights = Trial.Values(3, Columns * 64);

        // What is wide is multiplied with little.
        for (var i = 0; i < weights.Length; i++)
        {
            if ((kind == "Gemm, turned" ? i % Columns : i / 64) is 5 or 77) weights[i] *= 0.02f;
        }

        var model = new OnnxModel().Input("x", OnnxModel.Float, "n", Columns).Output("y", OnnxModel.Float, "n", 64);
        return (kind switch
        {
            "MatMul" => model.Initializer("w", weights, Columns, 64).Node("MatMul", ["x", "w"], ["y"]),
            "Gemm" => model.Initializer("w", weights, Columns, 64).Node("Gemm", ["x", "w"], ["y"], ("alpha", 0.5f)),
            _ => model.Initializer("w", weights, 64, Columns).Node("Gemm", ["x", "w"], ["y"], ("transB", 1)),
        }).ToBytes();
    }
}
