using System.Numerics.Tensors;

namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>Keeps the vectors of rows, brought to one length, and sees whether the same ones are near to each other.</summary>
internal sealed class VectorTally
{
    // Each is held against all others: a million similarities.
    private const int MaxRows = 1024;

    // Of one other row there is only one order.
    private const int LeastRowsOfRanks = 3;
    private const double Tie = 1e-6;

    private readonly List<float[]> _source = [];
    private readonly List<float[]> _model = [];
    private double _leastCosine = 1;

    public int Rows => _source.Count;

    public double? LeastCosine => Rows == 0 ? null : _leastCosine;

    /// <summary>Adds the mean of the vectors of a row's places.</summary>
    /// <param name="source">Those of the source, one behind the other.</param>
    /// <param name="model">Those of the model.</param>
    /// <param name="length">How many numbers a vector has.</param>
    /// <param name="isKept">Whether a place counts.</param>
    public void Add(ReadOnlySpan<double> source, ReadOnlySpan<double> model, int length, Func<int, bool> isKept)
    {
        if (Rows >= MaxRows || Mean(source, length, isKept) is not { } expected) return;

        // A model that lost the direction of a row is near to nothing there: the row counts all the same.
        var actual = Mean(model, length, isKept) ?? new float[length];
        _source.Add(expected);
        _model.Add(actual);
        _leastCosine = Math.Min(_leastCosine, TensorPrimitives.Dot<float>(expected, actual));
    }

    /// <summary>
    /// The share of rows whose nearest neighbour among the others is the same, and the correlation of the ranks of all others. Null: too
    /// few rows to tell.
    /// </summary>
    public (double? Same, double? Spearman) Compare()
    {
        if (Rows < 2) return (null, null);
        var same = 0;
        double correlation = 0;
        float[] expected = new float[Rows - 1], actual = new float[Rows - 1];
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < expected.Length; i++)
            {
                // A row is not held against itself.
                var other = i < row ? i : i + 1;
                expected[i] = TensorPrimitives.Dot<float>(_source[row], _source[other]);
                actual[i] = TensorPrimitives.Dot<float>(_model[row], _model[other]);
            }

            // Rows that are equal to each other are as near.
            if (expected[TensorPrimitives.IndexOfMax<float>(actual)] >= TensorPrimitives.Max<float>(expected) - Tie) same++;
            correlation += Ranks.Correlation(expected, actual);
        }

        return ((double)same / Rows, Rows < LeastRowsOfRanks ? null : correlation / Rows);
    }

    private static float[]? Mean(ReadOnlySpan<double> vectors, int length, Func<int, bool> isKept)
    {
        var sum = new double[length];
        for (var place = 0; place * length < vectors.Length; place++)
        {
            if (isKept(place)) TensorPrimitives.Add(sum, vectors.Slice(place * length, length), sum);
        }

        var norm = TensorPrimitives.Norm<double>(sum);
        return norm > 0 && double.IsFinite(norm) ? [.. sum.Select(value => (float)(value / norm))] : null;
    }
}
