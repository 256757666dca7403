using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe.Quantization.Evaluation;

/// <summary>Compares one output over many samples, in memory that does not grow with them.</summary>
internal sealed class OutputAccumulator(string name)
{
    private ElementType _type;
    private int _rank;
    private bool _isNumber;
    private long _values;
    private double _signal;
    private double _noise;
    private double _product;
    private double _energy;
    private double _maxDifference;
    private long _agreed;
    private long _compared;
    private long _notFinite;
    private int _otherShapes;

    public void Add(OrtValue source, OrtValue model)
    {
        if (!source.IsTensor || !model.IsTensor)
        {
            if (source.IsTensor != model.IsTensor) _otherShapes++;
            return;
        }

        var expected = source.GetTensorTypeAndShape();
        var actual = model.GetTensorTypeAndShape();
        _type = OrtTypes.FromOrt(expected.ElementDataType);
        _rank = Math.Max(_rank, expected.Shape.Length);
        if (expected.ElementDataType != actual.ElementDataType || !expected.Shape.AsSpan().SequenceEqual(actual.Shape))
        {
            _otherShapes++;
            return;
        }

        if (expected.ElementCount == 0) return;
        switch (_type)
        {
            case ElementType.Float:
                AddNumbers(source.GetTensorDataAsSpan<float>(), model.GetTensorDataAsSpan<float>(), expected.Shape);
                break;
            case ElementType.Double:
                AddNumbers(source.GetTensorDataAsSpan<double>(), model.GetTensorDataAsSpan<double>(), expected.Shape);
                break;
            case ElementType.Float16:
                AddNumbers(Widen(source), Widen(model), expected.Shape);
                break;
            case ElementType.BFloat16:
                AddNumbers(WidenBrain(source), WidenBrain(model), expected.Shape);
                break;
            case ElementType.String:
                string[] before = source.GetStringTensorAsArray(), after = model.GetStringTensorAsArray();
                for (var i = 0; i < before.Length; i++)
                    Count(string.Equals(before[i], after[i], StringComparison.Ordinal));
                break;
            default:
                AddBytes(source.GetTensorMutableRawData(), model.GetTensorMutableRawData(), ElementTypes.SizeOf(_type));
                break;
        }
    }

    public OutputComparison ToComparison() => new()
    {
        Name = name,
        ElementType = _type == ElementType.None ? "none" : ElementTypes.NameOf(_type),
        Rank = _rank,
        Values = _values,
        SnrDb = !_isNumber || _values == 0 ? null : _noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(_signal / _noise),
        Cosine = _isNumber && _signal > 0 && _energy > 0 ? _product / (Math.Sqrt(_signal) * Math.Sqrt(_energy)) : null,
        MaxDifference = _isNumber && _values > 0 ? _maxDifference : null,
        Agreement = _compared > 0 ? (double)_agreed / _compared : null,
        Compared = _compared,
        NotFinite = _notFinite,
        OtherShapes = _otherShapes,
    };

    internal void AddNumbers<T>(ReadOnlySpan<T> source, ReadOnlySpan<T> model, ReadOnlySpan<long> shape)
        where T : struct, System.Numerics.INumber<T>
    {
        _isNumber = true;
        _rank = Math.Max(_rank, shape.Length);
        for (var i = 0; i < source.Length; i++)
        {
            double expected = double.CreateTruncating(source[i]), actual = double.CreateTruncating(model[i]);
            if (!double.IsFinite(expected) || !double.IsFinite(actual))
            {
                // Masks of minus infinity, and whatever the source itself gives, are fine where both have it.
                if (!expected.Equals(actual)) _notFinite++;
                continue;
            }

            var difference = expected - actual;
            _values++;
            _signal += expected * expected;
            _energy += actual * actual;
            _product += expected * actual;
            _noise += difference * difference;
            _maxDifference = Math.Max(_maxDifference, Math.Abs(difference));
        }

        var columns = shape.Length == 0 ? 1 : (int)shape[^1];
        if (columns < 2) return;
        for (var start = 0; start < source.Length; start += columns)
        {
            var expected = Greatest(source.Slice(start, columns));
            if (expected >= 0) Count(expected == Greatest(model.Slice(start, columns)));
        }
    }

    private void AddBytes(ReadOnlySpan<byte> source, ReadOnlySpan<byte> model, int size)
    {
        for (var start = 0; start < source.Length; start += size)
            Count(source.Slice(start, size).SequenceEqual(model.Slice(start, size)));
    }

    private void Count(bool agrees)
    {
        if (!_isNumber) _values++;
        _compared++;
        if (agrees) _agreed++;
    }

    /// <summary>The place of the greatest value, the first of equal ones; -1 where there is none.</summary>
    private static int Greatest<T>(ReadOnlySpan<T> row)
        where T : struct, System.Numerics.INumber<T>
    {
        var best = -1;
        for (var i = 0; i < row.Length; i++)
        {
            if (!T.IsNaN(row[i]) && (best < 0 || row[i] > row[best])) best = i;
        }

        return best;
    }

    private static ReadOnlySpan<float> Widen(OrtValue value)
    {
        var halves = MemoryMarshal.Cast<byte, Half>(value.GetTensorMutableRawData());
        var singles = new float[halves.Length];
        for (var i = 0; i < singles.Length; i++)
            singles[i] = (float)halves[i];
        return singles;
    }

    private static ReadOnlySpan<float> WidenBrain(OrtValue value)
    {
        var brains = MemoryMarshal.Cast<byte, ushort>(value.GetTensorMutableRawData());
        var singles = new float[brains.Length];
        for (var i = 0; i < singles.Length; i++)
            singles[i] = BitConverter.Int32BitsToSingle(brains[i] << 16);
        return singles;
    }
}
