using System.Numerics.Tensors;

namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>Keeps the vectors of rows, brought to one length, and sees whether the same ones are near to each other.</summary>
internal sealed class VectorTally
{
    // Each is held against all others: a million similarities.
    private const int MaxRows = 1024;
    private const double Tie = 1e-6;

    private readonly List<float[]> _source = [];
    private readonly List<float[]> _model = [];
    private double _cosines;
    private double _leastCosine = 1;

    public int Rows => _source.Count;

    public double? MeanCosine => Rows == 0 ? null : _cosines / Rows;

    public double? LeastCosine => Rows == 0 ? null : _leastCosine;

    /// <summary>Adds the mean of the vectors of a row's places.</summary>
    /// <param name="source">Those of the source, one behind the other.</param>
    /// <param name="model">Those of the model.</param>
    /// <param name="length">How many numbers a vector has.</param>
    /// <param name="isKept">Whether a place counts.</param>
    public void Add(ReadOnlySpan<double> source, ReadOnlySpan<double> model, int length, Func<int, bool> isKept)
    {
        if (Rows >= MaxRows || Mean(source, length, isKept) is not { } expected || Mean(model, length, isKept) is not { } actual) return;
        _source.Add(expected);
        _model.Add(actual);
        var cosine = TensorPrimitives.Dot<float>(expected, actual);
        _cosines += cosine;
        _leastCosine = Math.Min(_leastCosine, cosine);
    }

    /// <summary>The share of rows whose nearest neighbour among the rows is the same, and how many rows that are.</summary>
    public (double Same, double Spearman) Compare()
    {
        var same = 0;
        double correlation = 0;
        float[] expected = new float[Rows], actual = new float[Rows];
        for (var row = 0; row < Rows; row++)
        {
            for (var other = 0; other < Rows; other++)
            {
                expected[other] = other == row ? float.NegativeInfinity : TensorPrimitives.Dot<float>(_source[row], _source[other]);
                actual[other] = other == row ? float.NegativeInfinity : TensorPrimitives.Dot<float>(_model[row], _model[other]);
            }

            // Rows that are equal to each other are as near.
            var nearest = TensorPrimitives.IndexOfMax<float>(expected);
            if (expected[TensorPrimitives.IndexOfMax<float>(actual)] >= expected[nearest] - Tie) same++;
            correlation += Ranks.Correlation(expected, actual);
        }

        return (Rows == 0 ? 0 : (double)same / Rows, Rows == 0 ? 0 : correlation / Rows);
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
