using MlServe.Batching;

namespace MlServe.Tests.Batching;

public sealed class CostCurveTests
{
    [Fact]
    public void Predict_NothingSeen_KnowsNothing()
    {
        var curve = new CostCurve();

        Assert.False(curve.IsKnown);
        Assert.Equal(0, curve.Predict(8));
        Assert.Equal(64, curve.LargestWorthwhile(64));
    }

    [Fact]
    public void Predict_RunsOnALine_FindsIt()
    {
        var curve = Learn(static rows => 0.001 + (0.0001 * rows), 1, 2, 4, 8, 16, 32);

        Assert.Equal(0.001, curve.Fixed, 5);
        Assert.Equal(0.0001, curve.PerRow, 6);
        Assert.Equal(0.0074, curve.Predict(64), 4);
    }

    [Fact]
    public void Predict_RunsOfOneSize_PromisesNoMoreThanWasSeen()
    {
        var curve = Learn(static _ => 0.002, 8);

        Assert.Equal(0.002, curve.Predict(8), 6);
        Assert.Equal(0.002, curve.Predict(1), 6);
    }

    [Fact]
    public void Predict_RunsOfOneSizeForLong_WhatARowCostsIsNotForgotten()
    {
        var curve = Learn(static rows => 0.001 + (0.0001 * rows), 1, 2, 4, 8, 16, 32);
        for (var i = 0; i < 1000; i++)
            curve.Add(32, 0.0042);
        Assert.Equal(0.001, curve.Fixed, 5);
        Assert.Equal(0.0074, curve.Predict(64), 5);

        // A machine that has become slower is slower for all sizes.
        for (var i = 0; i < 1000; i++)
            curve.Add(32, 0.0126);
        Assert.Equal(0.0126, curve.Predict(32), 4);
        Assert.Equal(0.003, curve.Fixed, 4);
    }

    [Fact]
    public void Add_OneRunIsInterrupted_HardlyMoves()
    {
        var curve = Learn(static rows => 0.001 * rows, 1, 2, 4, 8);

        curve.Add(8, 10);

        Assert.InRange(curve.Predict(8), 0.007, 0.02);
    }

    [Fact]
    public void Add_ModelHasBecomeFast_ForgetsAtOnceWhatNoLongerHolds()
    {
        var curve = new CostCurve();
        curve.Add(1, 2_592_000);

        curve.Add(1, 0.001);

        Assert.Equal(0.001, curve.Predict(1), 6);
    }

    [Fact]
    public void Add_ModelHasBecomeSlow_Follows()
    {
        var curve = Learn(static _ => 0.001, 1);
        for (var i = 0; i < 200; i++)
            curve.Add(1, 0.1);

        Assert.Equal(0.1, curve.Predict(1), 3);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-1, 1)]
    [InlineData(1, 0)]
    [InlineData(1, -1)]
    [InlineData(1, double.NaN)]
    public void Add_Nonsense_IsLeftOut(int rows, double seconds)
    {
        var curve = new CostCurve();

        curve.Add(rows, seconds);

        Assert.False(curve.IsKnown);
    }

    [Fact]
    public void LargestWorthwhile_RowsBecomeCheaper_IsTheBound() =>
        Assert.Equal(48, Learn(static rows => 0.001 + (0.0001 * rows), 1, 2, 4, 8, 16, 32, 48).LargestWorthwhile(48));

    [Fact]
    public void LargestWorthwhile_RowsBecomeDearer_IsOne() =>
        Assert.Equal(1, Learn(static rows => 0.001 * Math.Pow(rows, 1.3), 1, 2, 4, 8, 16).LargestWorthwhile(16));

    [Fact]
    public void LargestWorthwhile_CostHasAKnee_IsTheKnee() =>
        Assert.Equal(8, Learn(static rows => rows <= 8 ? 0.001 + (0.0001 * rows) : 0.001 * rows, 1, 2, 4, 8, 16, 32).LargestWorthwhile(32));

    private static CostCurve Learn(Func<int, double> cost, params int[] sizes)
    {
        var curve = new CostCurve();
        for (var round = 0; round < 20; round++)
        {
            foreach (var size in sizes)
                curve.Add(size, cost(size));
        }

        return curve;
    }
}
