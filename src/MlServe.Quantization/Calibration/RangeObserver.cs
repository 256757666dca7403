using System.Numerics.Tensors;

namespace MlServe.Quantization.Calibration;

/// <summary>Sees the values of one tensor, sample by sample, and then says its range.</summary>
internal abstract class RangeObserver(string name)
{
    private float _min = float.PositiveInfinity;
    private float _max = float.NegativeInfinity;

    public string Name => name;

    public static RangeObserver Create(string name, CalibrationSettings settings) => settings.Method switch
    {
        CalibrationMethod.MinMax => new MinMaxObserver(name),
        CalibrationMethod.Percentile =>
            new HistogramObserver(name, (histogram, seen) => HistogramRanges.Percentile(histogram, seen, settings.Percentile)),
        CalibrationMethod.Mse => new HistogramObserver(name, HistogramRanges.Mse),
        CalibrationMethod.Entropy => new HistogramObserver(name, HistogramRanges.Entropy),
        _ => throw new QuantizationException(QuantizationFailure.InvalidOptions, $"There is no calibration method {settings.Method}."),
    };

    public void Observe(ReadOnlySpan<float> values, int sample)
    {
        if (values.IsEmpty) return;
        var (min, max) = (TensorPrimitives.Min(values), TensorPrimitives.Max(values));
        if (!float.IsFinite(min) || !float.IsFinite(max))
        {
            throw new QuantizationException(QuantizationFailure.NotFinite,
                $"'{name}' holds {(float.IsFinite(min) ? max : min)} on calibration sample {sample}. Leave that sample out, or exclude "
                    + "the node that makes the value.");
        }

        _min = Math.Min(_min, min);
        _max = Math.Max(_max, max);
        Add(values, min, max);
    }

    /// <summary>The range of all values that were seen.</summary>
    public TensorRange Range()
    {
        if (_min <= _max) return Choose(new(_min, _max));
        throw new QuantizationException(QuantizationFailure.NoCalibrationData,
            $"'{name}' had no element on any calibration sample, so its range is not known. Add samples that reach it, or exclude the "
                + "nodes that read it.");
    }

    protected abstract void Add(ReadOnlySpan<float> values, float min, float max);

    protected abstract TensorRange Choose(TensorRange seen);

    private sealed class HistogramObserver(string name, Func<Histogram, TensorRange, TensorRange> choose) : RangeObserver(name)
    {
        private readonly Histogram _histogram = new();

        protected override void Add(ReadOnlySpan<float> values, float min, float max) => _histogram.Add(values, min, max);

        protected override TensorRange Choose(TensorRange seen) => choose(_histogram, seen);
    }

    private sealed class MinMaxObserver(string name) : RangeObserver(name)
    {
        protected override void Add(ReadOnlySpan<float> values, float min, float max)
        {
        }

        protected override TensorRange Choose(TensorRange seen) => seen;
    }
}
