using MlServe.Quantization.Calibration;
using MlServe.Quantization.Rewriting.Static;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting;

public class ChannelScalesTests
{
    private const int Channels = 16;

    /// <summary>Channels that differ a thousandfold before and behind the convolution, as no common scale can hold them.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Rewrite_UnequalChannels_LosesLessWithAScaleForEach(int pad)
    {
        var model = Unequal(pad);
        var samples = Trial.RandomSamples(model, 16, 1, Channels, 6, 6);
        var plan = await Trial.CalibrateAsync(model, Trial.Plan(), samples);
        var proto = Trial.Read(model);
        var scaled = plan with
        {
            ChannelRanges = await ChannelCalibrator.RunAsync(
                proto, StaticRewriter.ChannelsToCalibrate(proto, plan), samples, TestContext.Current.CancellationToken),
        };
        Assert.Equal(["m", "c"], scaled.ChannelRanges.Keys.OrderDescending());

        var values = Trial.Values(99, Channels * 36);
        long[] shape = [1, Channels, 6, 6];
        var expected = Trial.Run(model, values, shape);
        var one = Trial.Snr(expected, Trial.Run(Trial.Rewrite(model, plan), values, shape));
        var each = Trial.Snr(expected, Trial.Run(Trial.Rewrite(model, scaled), values, shape));
        Assert.True(each > one + 6, $"{each:F1} dB with a scale for each channel, {one:F1} dB with one");
        Assert.Equal(Trial.Rewrite(model, scaled), Trial.Rewrite(model, QuantizationPlan.FromJson(scaled.ToJson())));
    }

    [Fact]
    public void OfOutput_ChannelThatWasAlwaysZero_TakesTheWidestScale()
    {
        var scales = ChannelScales.OfOutput([new(0, 0), new(-1, 1)], 0, 255);
        Assert.Equal(scales.Scales[1], scales.Scales[0]);
        Assert.Equal([0, 128], scales.Zeros);
    }

    [Fact]
    public async Task Rewrite_RangesOfAnotherNumberOfChannels_IsAMismatch()
    {
        var model = Unequal(0);
        var plan = await Trial.CalibrateAsync(model, Trial.Plan(), Trial.RandomSamples(model, 4, 1, Channels, 6, 6));
        var exception = Assert.Throws<QuantizationException>(() =>
            Trial.Rewrite(model, plan with { ChannelRanges = new Dictionary<string, TensorRange[]> { ["c"] = [new(0, 1)] } }));
        Assert.Equal(QuantizationFailure.PlanMismatch, exception.Failure);
    }

    private static byte[] Unequal(int pad)
    {
        float[] gains = [.. Enumerable.Range(0, Channels).Select(static channel => MathF.Pow(1000, channel / (float)(Channels - 1)))];
        float[] inverse = [.. gains.Select(static gain => 1 / gain)];
        var random = new Random(5);
        var weights = new float[Channels * Channels];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = (random.NextSingle() - 0.5f) * gains[i / Channels] * inverse[i % Channels];
        return new OnnxModel().Input("x", OnnxModel.Float, 1, Channels, 6, 6).Output("y", OnnxModel.Float, 1, Channels, "h", "v")
            .Initializer("gains", gains, Channels, 1, 1).Initializer("inverse", inverse, Channels, 1, 1)
            .Initializer("w", weights, Channels, Channels, 1, 1)
            .Node("Mul", ["x", "gains"], ["m"])
            .Node("Conv", ["m", "w"], ["c"], ("pads", new long[] { pad, pad, pad, pad }))
            .Node("Mul", ["c", "inverse"], ["y"])
            .ToBytes();
    }
}
