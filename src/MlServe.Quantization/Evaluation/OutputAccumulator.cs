using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Verification;
using MlServe.Tensors;

namespace MlServe.Quantization.Evaluation;

/// <summary>Compares one output over many samples: two numbers a row, and of embeddings a vector a row of the first thousand.</summary>
internal sealed class OutputAccumulator(string name, ChosenMetric metric)
{
    // Below it a number of any meaning is nothing, and a probability below the other.
    private const double Floor = 1e-6;
    private const double FloorOfShares = 0.03;
    private const double Found = 0.3;

    private readonly ClassTally _classes = new();
    private readonly VectorTally _vectors = new();
    private readonly List<double> _signals = [];
    private readonly List<double> _noises = [];
    private ElementType _type;
    private int _rank;
    private bool _isNumber;
    private bool _hasSignal;
    private long _values;
    private double _signal;
    private double _product;
    private double _energy;
    private double _maxDifference;
    private double _equal;
    private long _equalRows;
    private long _elements;
    private long _notFinite;
    private int _otherShapes;

    public string Name => name;

    public ChosenMetric Metric => metric;

    /// <param name="source">The source's output; null if it is no tensor.</param>
    /// <param name="model">The model's output.</param>
    /// <param name="rows">The rows of the sample.</param>
    /// <param name="mask">Which places of its sequences hold something; null: all.</param>
    /// <param name="scores">The source's output that tells which places hold something; null: the output has no such.</param>
    public void Add(Answer? source, Answer? model, int rows, PaddingMask? mask, Answer? scores)
    {
        if (source is null || model is null)
        {
            if (source is null != model is null) _otherShapes++;
            return;
        }

        _type = source.Type;
        _rank = Math.Max(_rank, source.Shape.Length);
        if (source.Type != model.Type || !source.Shape.AsSpan().SequenceEqual(model.Shape))
        {
            _otherShapes++;
            return;
        }

        if (source.Others is { } others)
        {
            AddEqual(others, model.Others!, rows > 0 && source.Shape.Length > 0 && source.Shape[0] == rows ? rows : 1);
            return;
        }

        _isNumber = true;
        var parts = rows > 0 && source.Shape.Length > 1 && source.Shape[0] == rows ? rows : 1;
        var length = source.Numbers!.Length / parts;
        for (var row = 0; row < parts && length > 0; row++)
            AddRow(source, source.Numbers.AsSpan(row * length, length), model.Numbers!.AsSpan(row * length, length), row, mask, scores);
    }

    public OutputComparison ToComparison()
    {
        var (same, spearman) = IsVector ? _vectors.Compare() : (null, null);
        double? agreement = metric.Metric switch
        {
            OutputMetric.Classes or OutputMetric.Sequence => _classes.Agreement,
            OutputMetric.Embedding or OutputMetric.FirstToken => same,
            _ => _equalRows > 0 ? _equal / _equalRows : null,
        };
        var compared = metric.Metric is OutputMetric.Classes or OutputMetric.Sequence ? _classes.Rows
            : IsVector ? _vectors.Rows
            : _equalRows;
        var noise = _noises.Sum();
        return new()
        {
            Name = name,
            ElementType = _type == ElementType.None ? "none" : ElementTypes.NameOf(_type),
            Metric = metric.Metric,
            MetricReason = metric.Reason,
            Rank = _rank,
            Values = _isNumber ? _values : _elements,
            SnrDb = !_isNumber || _values == 0 ? null : noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(_signals.Sum() / noise),
            SnrLowDb = _isNumber && _signals.Count > 1 ? Confidence.LowerSnrDb(_signals, _noises) : null,
            Cosine = _isNumber && _signal > 0 && _energy > 0 ? _product / (Math.Sqrt(_signal) * Math.Sqrt(_energy)) : null,
            MaxDifference = _isNumber && _values > 0 ? _maxDifference : null,
            Agreement = agreement,
            AgreementLow = agreement is null ? null
                : metric.Metric is OutputMetric.Classes or OutputMetric.Sequence ? _classes.AgreementLow
                : Confidence.LowerShare(agreement.Value * compared, compared),
            Compared = compared,
            TopAgreement = _classes.TopAgreement,
            RankCorrelation = spearman,
            LeastRowCosine = IsVector ? _vectors.LeastCosine : null,
            Rows = _isNumber ? _signals.Count : compared,
            IsDead = _isNumber && _values > 0 && !_hasSignal,
            NotFinite = _notFinite,
            OtherShapes = _otherShapes,
        };
    }

    private bool IsVector => metric.Metric is OutputMetric.Embedding or OutputMetric.FirstToken;

    /// <summary>The elements of a row depend on each other, so that each row counts once, however many it has.</summary>
    private void AddEqual(object[] source, object[] model, int parts)
    {
        _elements += source.Length;
        var length = source.Length / parts;
        for (var row = 0; row < parts && length > 0; row++)
        {
            var equal = 0;
            for (var i = row * length; i < (row + 1) * length; i++)
            {
                if (source[i].Equals(model[i])) equal++;
            }

            _equal += (double)equal / length;
            _equalRows++;
        }
    }

    private void AddRow(Answer whole, ReadOnlySpan<double> source, ReadOnlySpan<double> model, int row, PaddingMask? mask, Answer? scores)
    {
        var columns = whole.Shape.Length == 0 ? 1 : (int)Math.Max(1, whole.Shape[^1]);
        var isSequence = whole.Shape.Length == 3
            && metric.Metric is OutputMetric.Sequence or OutputMetric.Embedding or OutputMetric.FirstToken;
        var found = metric.Metric == OutputMetric.Boxes && scores is not null ? FoundIn(scores, row) : null;
        bool IsKept(int place) => metric.Metric switch
        {
            OutputMetric.FirstToken => place == 0,
            OutputMetric.Boxes => found is null || place >= found.Length || found[place],
            _ => !isSequence || mask is null || mask.IsKept(row, place),
        };
        AddNumbers(source, model, columns, IsKept);
        if (metric.Metric is OutputMetric.Classes or OutputMetric.Sequence && columns > 1) _classes.Add(source, model, columns, IsKept);
        else if (IsVector) _vectors.Add(source, model, columns, IsKept);
    }

    private void AddNumbers(ReadOnlySpan<double> source, ReadOnlySpan<double> model, int columns, Func<int, bool> isKept)
    {
        double signal = 0, noise = 0;
        var values = 0L;
        for (var i = 0; i < source.Length; i++)
        {
            var (expected, actual) = (source[i], model[i]);
            if (!double.IsFinite(expected) || !double.IsFinite(actual))
            {
                // Masks of minus infinity, and whatever the source itself gives, are fine where both have it.
                if (!expected.Equals(actual)) _notFinite++;
                continue;
            }

            if (!isKept(i / columns)) continue;
            var difference = expected - actual;
            values++;
            signal += expected * expected;
            noise += difference * difference;
            _energy += actual * actual;
            _product += expected * actual;
            _hasSignal |= expected != 0;
            _maxDifference = Math.Max(_maxDifference, Math.Abs(difference));
        }

        if (values == 0) return;
        _values += values;
        _signal += signal;
        var floor = metric.IsShare ? FloorOfShares : Floor;
        _signals.Add(Math.Max(signal, floor * floor * values));
        _noises.Add(noise);
    }

    /// <summary>
    /// The places at which the source has found something: those with three tenths of its best score or more, other than the background's.
    /// Null: the scores do not tell.
    /// </summary>
    private bool[]? FoundIn(Answer scores, int row)
    {
        if (scores.Numbers is not { } numbers || scores.Shape.Length != 3 || scores.Shape[2] == 0 || row >= scores.Shape[0]) return null;
        var (places, columns) = ((int)scores.Shape[1], (int)scores.Shape[2]);
        var of = numbers.AsSpan(row * places * columns, places * columns);
        var best = new double[places];
        Array.Fill(best, double.NegativeInfinity);
        double greatest = double.NegativeInfinity, least = double.PositiveInfinity;
        for (var i = 0; i < of.Length; i++)
        {
            if (i % columns == metric.Background) continue;
            best[i / columns] = Math.Max(best[i / columns], of[i]);
            greatest = Math.Max(greatest, of[i]);
            least = Math.Min(least, of[i]);
        }

        return [.. best.Select(score => score >= least + ((greatest - least) * Found))];
    }
}
