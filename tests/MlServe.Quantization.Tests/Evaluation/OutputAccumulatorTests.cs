using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Verification;
using MlServe.Tensors;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class OutputAccumulatorTests
{
    [Fact]
    public void Add_Numbers_GivesWhatIsCountedByHand()
    {
        var output = Accumulated(OutputMetric.Classes, [3, 4, 0, 0], [3, 3, 0, 0], 2, 2);

        // 25 of signal over 1 of noise.
        Assert.Equal(10 * Math.Log10(25), output.SnrDb!.Value, 4);
        Assert.Equal(21 / (5 * Math.Sqrt(18)), output.Cosine!.Value, 9);
        Assert.Equal(1, output.MaxDifference);

        // In [3, 4] the second is the greatest, in [3, 3] the first of equal ones; in the second row of the source both are equal, so that
        // no answer would be wrong.
        Assert.Equal(0, output.Agreement);
        Assert.Equal(1, output.Compared);
        Assert.Equal(4, output.Values);
    }

    [Fact]
    public void Add_SeveralSamples_SumsBeforeItDivides()
    {
        var accumulator = new OutputAccumulator("y", new(OutputMetric.Regression, ""));
        accumulator.Add(Of([10], 1), Of([9], 1), 1, null, null);
        accumulator.Add(Of([0, 0], 2, 1), Of([1, 0], 2, 1), 2, null, null);
        var output = accumulator.ToComparison();
        Assert.Equal(10 * Math.Log10(100.0 / 2), output.SnrDb!.Value, 4);
        Assert.Null(output.Agreement);
        Assert.Equal(3, output.Rows);
    }

    [Fact]
    public void Add_AllZeros_IsDead()
    {
        var output = Accumulated(OutputMetric.Classes, [0, 0], [0, 0], 1, 2);
        Assert.True(output.IsDead);
        Assert.Null(output.Cosine);
    }

    [Fact]
    public void Add_NoiseOverNothing_IsHeldAgainstAFloor()
    {
        Assert.Equal(-120, Accumulated(OutputMetric.Regression, [0, 0], [1, 1], 1, 2).SnrDb!.Value, 6);

        // A detector that finds nothing: probabilities near 0, and a noise that means nothing.
        var accumulator = new OutputAccumulator("y", new(OutputMetric.Regression, "", IsShare: true));
        accumulator.Add(Of([1e-5, 2e-5], 1, 2), Of([1e-4, 1e-4], 1, 2), 1, null, null);
        Assert.InRange(accumulator.ToComparison().SnrDb!.Value, 45, 55);
        Assert.InRange(Accumulated(OutputMetric.Regression, [1e-5, 2e-5], [1e-4, 1e-4], 1, 2).SnrDb!.Value, -20, -10);
    }

    [Theory]
    [InlineData(double.NaN, double.NaN, 0)]
    [InlineData(double.NegativeInfinity, double.NegativeInfinity, 0)]
    [InlineData(double.NaN, 1, 1)]
    [InlineData(1, double.NaN, 1)]
    [InlineData(double.PositiveInfinity, double.NegativeInfinity, 1)]
    public void Add_WhatIsNotFinite_CountsWhereOnlyOneSideHasIt(double source, double model, long expected)
    {
        var output = Accumulated(OutputMetric.Classes, [source, 2], [model, 2], 1, 2);
        Assert.Equal(expected, output.NotFinite);
        Assert.Equal(double.PositiveInfinity, output.SnrDb);
    }

    [Fact]
    public void Add_NothingButNaN_ComparesNothing()
    {
        var output = Accumulated(OutputMetric.Classes, [double.NaN, double.NaN], [double.NaN, double.NaN], 1, 2);
        Assert.Equal((0L, null, null), (output.Values, output.SnrDb, output.Agreement));
    }

    [Fact]
    public void Add_Integers_ComparesThemForEquality()
    {
        var accumulator = new OutputAccumulator("label", new(OutputMetric.Equal, ""));
        accumulator.Add(
            new("label", ElementType.Int64, [4], null, [1L, 2L, 3L, 4L]), new("label", ElementType.Int64, [4], null, [1L, 2L, 3L, 5L]), 4,
            null, null);
        var output = accumulator.ToComparison();
        Assert.Equal(0.75, output.Agreement);
        Assert.Null(output.SnrDb);
        Assert.Null(output.MaxDifference);
        Assert.Equal(4, output.Values);
    }

    [Theory]
    [InlineData(2, 2, 2, 0.75)]
    [InlineData(2, 1, 1, 0.75)] // a mask of a picture, without an axis for rows
    public void Add_ManyLabelsOfARow_CountOnce(int length, int rows, long compared, double agreement)
    {
        var accumulator = new OutputAccumulator("label", new(OutputMetric.Equal, ""));
        accumulator.Add(
            new("label", ElementType.Int64, [length, 2], null, [1L, 2L, 3L, 4L]),
            new("label", ElementType.Int64, [length, 2], null, [1L, 2L, 3L, 5L]), rows, null, null);
        var output = accumulator.ToComparison();
        Assert.Equal((compared, agreement, 4L), (output.Compared, output.Agreement, output.Values));
        Assert.InRange(output.AgreementLow!.Value, 0, 0.5);
    }

    [Fact]
    public void Add_OtherShape_IsCountedAndNotCompared()
    {
        var accumulator = new OutputAccumulator("y", new(OutputMetric.Classes, ""));
        accumulator.Add(Of([1, 2], 1, 2), Of([1, 2], 2, 1), 1, null, null);
        Assert.Equal(1, accumulator.ToComparison().OtherShapes);
        Assert.Equal(0, accumulator.ToComparison().Values);
    }

    [Fact]
    public void Add_Sequence_CountsARowOnce()
    {
        // The first row agrees at one of two places, the second at both.
        var output = Accumulated(OutputMetric.Sequence, [1, 0, 1, 0, 0, 1, 0, 1], [1, 0, 0, 1, 0, 1, 0, 1], 2, 2, 2);
        Assert.Equal(0.75, output.Agreement);
        Assert.Equal(2, output.Compared);
    }

    [Fact]
    public void Add_Classes_TellsTheBestFive()
    {
        double[] source = [9, 8, 7, 6, 5, 4, 3], model = [9, 8, 7, 6, 1, 4, 3];
        var output = Accumulated(OutputMetric.Classes, source, model, 1, 7);
        Assert.Equal(1, output.Agreement);
        Assert.Equal(0.8, output.TopAgreement!.Value, 9);
    }

    [Fact]
    public void Add_Vectors_ComparesNeighbours()
    {
        // Three directions: the second row is nearest to the first, and the third to the second; the model puts the third near to the
        // first.
        double[] source = [1, 0, 0.9, 0.1, 0, 1], same = [2, 0, 1.8, 0.2, 0, 2], other = [1, 0, 0.9, -0.5, 0.95, 0.05];
        Assert.Equal((1, 1), Vectors(source, same));
        Assert.True(Vectors(source, other).Neighbours < 1);

        static (double Neighbours, double Ranks) Vectors(double[] left, double[] right)
        {
            var output = Accumulated(OutputMetric.Embedding, left, right, 3, 2);
            Assert.Equal(3, output.Compared);
            return (output.Agreement!.Value, output.RankCorrelation!.Value);
        }
    }

    [Fact]
    public void Add_VectorsThatTheModelLost_CountAsMisses()
    {
        // The model gives nothing for the last two rows, and the first two as the source does.
        var output = Accumulated(OutputMetric.Embedding, [1, 0, 0.9, 0.1, 0, 1, 0.1, 0.9], [1, 0, 0.9, 0.1, 0, 0, 0, 0], 4, 2);
        Assert.Equal((4, 0.5), (output.Compared, output.Agreement!.Value));
        Assert.Equal(0, output.LeastRowCosine);
        Assert.InRange(output.RankCorrelation!.Value, -1, 0.8);
    }

    [Fact]
    public void Add_RanksOfVectors_LeaveARowItselfOut()
    {
        // Of two rows there is nothing to put in order; of three, the model puts the two others of each the other way round.
        Assert.Null(Accumulated(OutputMetric.Embedding, [1, 0, 0, 1], [1, 0, 1, 1], 2, 2).RankCorrelation);
        Assert.Equal(
            -1, Accumulated(OutputMetric.Embedding, [1, 0, 0.9, 0.1, 0, 1], [1, 0, 0, 1, 0.9, 0.1], 3, 2).RankCorrelation!.Value, 9);
    }

    [Fact]
    public void Add_Boxes_ComparesWhereSomethingWasFound()
    {
        var accumulator = new OutputAccumulator("boxes", new(OutputMetric.Boxes, "", Scores: "scores", Background: 0));
        var scores = Of([0.9, 0.1, 0.1, 0.9], 1, 2, 2);

        // At the first place, where nothing is, the model is far off.
        accumulator.Add(Of([5, 5, 5, 5, 1, 2, 3, 4], 1, 2, 4), Of([9, 9, 9, 9, 1, 2, 3, 4], 1, 2, 4), 1, null, scores);
        var output = accumulator.ToComparison();
        Assert.Equal(double.PositiveInfinity, output.SnrDb);
        Assert.Equal(4, output.Values);
    }

    private static OutputComparison Accumulated(OutputMetric metric, double[] source, double[] model, params long[] shape)
    {
        var accumulator = new OutputAccumulator("y", new(metric, ""));
        accumulator.Add(Of(source, shape), Of(model, shape), (int)shape[0], null, null);
        return accumulator.ToComparison();
    }

    private static Answer Of(double[] values, params long[] shape) => new("y", ElementType.Float, shape, values, null);
}
