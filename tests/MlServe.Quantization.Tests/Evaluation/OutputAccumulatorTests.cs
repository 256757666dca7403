using Microsoft.ML.OnnxRuntime;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class OutputAccumulatorTests
{
    [Fact]
    public void Add_Numbers_GivesWhatIsCountedByHand()
    {
        var output = Accumulated([3f, 4, 0, 0], [3f, 3, 0, 0], 2, 2);
        // 25 of signal over 1 of noise.
        Assert.Equal(10 * Math.Log10(25), output.SnrDb!.Value, 9);
        Assert.Equal(21 / (5 * Math.Sqrt(18)), output.Cosine!.Value, 9);
        Assert.Equal(1, output.MaxDifference);
        // In [3, 4] the second is the greatest, in [3, 3] the first of equal ones.
        Assert.Equal(0.5, output.Agreement);
        Assert.Equal(2, output.Compared);
        Assert.Equal(4, output.Values);
    }

    [Fact]
    public void Add_SeveralSamples_SumsBeforeItDivides()
    {
        var accumulator = new OutputAccumulator("y");
        accumulator.AddNumbers<float>([10], [9], [1]);
        accumulator.AddNumbers<float>([0, 0], [1, 0], [2, 1]);
        var output = accumulator.ToComparison();
        Assert.Equal(10 * Math.Log10(100.0 / 2), output.SnrDb!.Value, 9);
        Assert.Null(output.Agreement);
    }

    [Fact]
    public void Add_EqualValues_HaveNoNoise()
    {
        var output = Accumulated([0f, 0], [0f, 0], 1, 2);
        Assert.Equal(double.PositiveInfinity, output.SnrDb);
        Assert.Null(output.Cosine);
        Assert.Equal(1, output.Agreement);
    }

    [Fact]
    public void Add_NoiseOverNothing_IsAllLost() => Assert.Equal(double.NegativeInfinity, Accumulated([0f, 0], [1f, 0], 1, 2).SnrDb);

    [Theory]
    [InlineData(float.NaN, float.NaN, 0)]
    [InlineData(float.NegativeInfinity, float.NegativeInfinity, 0)]
    [InlineData(float.NaN, 1f, 1)]
    [InlineData(1f, float.NaN, 1)]
    [InlineData(float.PositiveInfinity, float.NegativeInfinity, 1)]
    public void Add_WhatIsNotFinite_CountsWhereOnlyOneSideHasIt(float source, float model, long expected)
    {
        var output = Accumulated([source, 2], [model, 2], 1, 2);
        Assert.Equal(expected, output.NotFinite);
        Assert.Equal(double.PositiveInfinity, output.SnrDb);
    }

    [Fact]
    public void Add_Integers_ComparesThemForEquality()
    {
        var accumulator = new OutputAccumulator("label");
        using var source = OrtValue.CreateTensorValueFromMemory<long>([1L, 2, 3, 4], [4]);
        using var model = OrtValue.CreateTensorValueFromMemory<long>([1L, 2, 3, 5], [4]);
        accumulator.Add(source, model);
        var output = accumulator.ToComparison();
        Assert.Equal(0.75, output.Agreement);
        Assert.Null(output.SnrDb);
        Assert.Null(output.MaxDifference);
        Assert.Equal(4, output.Values);
    }

    [Fact]
    public void Add_OtherShape_IsCountedAndNotCompared()
    {
        var accumulator = new OutputAccumulator("y");
        using var source = OrtValue.CreateTensorValueFromMemory<float>([1f, 2], [1, 2]);
        using var model = OrtValue.CreateTensorValueFromMemory<float>([1f, 2], [2, 1]);
        accumulator.Add(source, model);
        Assert.Equal(1, accumulator.ToComparison().OtherShapes);
        Assert.Equal(0, accumulator.ToComparison().Values);
    }

    private static OutputComparison Accumulated(float[] source, float[] model, params long[] shape)
    {
        var accumulator = new OutputAccumulator("y");
        using var expected = OrtValue.CreateTensorValueFromMemory(source, shape);
        using var actual = OrtValue.CreateTensorValueFromMemory(model, shape);
        accumulator.Add(expected, actual);
        return accumulator.ToComparison();
    }
}
