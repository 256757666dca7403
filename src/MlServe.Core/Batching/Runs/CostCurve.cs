namespace MlServe.Batching;

/// <summary>
/// The cost of a run, time = a + b · rows, learnt from the runs themselves. It is a least-squares line over exponentially weighted sums, so
/// that it follows a machine whose speed drifts. Beside it stands the mean time of each size (powers of two). It shows at which sizes the
/// line does not hold and batching does not pay.
/// </summary>
internal sealed class CostCurve
{
    private const double Weight = 0.05;
    private const double WorthwhileGain = 0.97;
    private const double FasterWeight = 0.3;
    private const double SlowerWeight = 0.03;

    /// <summary>The share of their squares by which sizes must differ: about a tenth each from their mean.</summary>
    private const double LeastSpread = 0.01;

    private readonly Lock _gate = new();
    private readonly double[] _perRow = new double[17];
    private double _n, _rows, _time, _rowsSquared, _rowsTime;
    private double _fixed;
    private double _slope;

    /// <summary>Seconds that each run costs, however many rows it holds; 0 as long as nothing is known.</summary>
    public double Fixed => Volatile.Read(ref _fixed);

    /// <summary>Seconds that a row adds.</summary>
    public double PerRow => Volatile.Read(ref _slope);

    /// <summary>Whether any run has been seen.</summary>
    public bool IsKnown => Volatile.Read(ref _n) > 0;

    public double Predict(int rows) => Fixed + (PerRow * rows);

    /// <summary>Seconds that a run takes if nothing else is in its way; the line's prediction if that size has not been seen.</summary>
    public double Undisturbed(int rows)
    {
        var perRow = Volatile.Read(ref _perRow[BucketOf(rows)]);
        return perRow == 0 ? Predict(rows) : perRow * rows;
    }

    public void Add(int rows, double seconds)
    {
        if (rows <= 0 || !(seconds > 0)) return;
        lock (_gate)
        {
            // A run many times slower than expected was interrupted by something else: it says little about the model.
            if (_n > 8 && seconds > 8 * (_fixed + (_slope * rows))) seconds = 8 * (_fixed + (_slope * rows));

            // Noise makes runs slower, never faster: a run many times faster than expected shows that what was learnt no longer holds.
            if (_n > 0 && 8 * seconds < _fixed + (_slope * rows)) _n = _rows = _time = _rowsSquared = _rowsTime = 0;

            var keep = 1 - Weight;
            _n = (_n * keep) + 1;
            _rows = (_rows * keep) + rows;
            _time = (_time * keep) + seconds;
            _rowsSquared = (_rowsSquared * keep) + ((double)rows * rows);
            _rowsTime = (_rowsTime * keep) + (rows * seconds);
            Fit();

            ref var perRow = ref _perRow[BucketOf(rows)];
            var seen = seconds / rows;

            // Drawn quickly towards fast runs and slowly towards slow ones: what a busy machine adds is not the model's.
            if (perRow == 0 || 8 * seen < perRow) perRow = seen;
            else perRow += (seen < perRow ? FasterWeight : SlowerWeight) * (seen - perRow);
        }
    }

    /// <summary>
    /// The largest size up to a bound that costs less a row than smaller ones. 1 if batching does not pay, the bound if nothing is known.
    /// </summary>
    public int LargestWorthwhile(int bound)
    {
        lock (_gate)
        {
            if (_n == 0) return bound;
            var best = 0;
            for (var bucket = 1; bucket <= BucketOf(bound); bucket++)
            {
                if (_perRow[bucket] == 0) continue;
                if (_perRow[best] == 0 || _perRow[bucket] < _perRow[best] * WorthwhileGain) best = bucket;
            }

            // Beyond the best size nothing is lost as long as a row costs about the same.
            for (var bucket = best + 1; bucket <= BucketOf(bound); bucket++)
            {
                if (_perRow[bucket] == 0 || _perRow[bucket] > _perRow[best] / WorthwhileGain) break;
                best = bucket;
            }

            return best == BucketOf(bound) ? bound : Math.Min(bound, 1 << best);
        }
    }

    private static int BucketOf(int rows) => System.Numerics.BitOperations.Log2((uint)Math.Max(1, rows));

    private void Fit()
    {
        var spread = (_n * _rowsSquared) - (_rows * _rows);
        var mean = _time / _n;

        // Runs of about one size tell how fast they are, not what a row costs. What was known of that holds on; where nothing was, all is
        // read as fixed cost, which never promises more than is known.
        if (spread <= LeastSpread * _n * _rowsSquared)
        {
            var known = _fixed + (_slope * _rows / _n);
            var factor = _slope > 0 && known > 0 ? mean / known : 0;
            Volatile.Write(ref _slope, _slope * factor);
            Volatile.Write(ref _fixed, factor > 0 ? _fixed * factor : mean);
            return;
        }

        var slope = Math.Max(0, ((_n * _rowsTime) - (_rows * _time)) / spread);
        var intercept = mean - (slope * _rows / _n);
        if (intercept < 0)
        {
            intercept = 0;
            slope = _rowsTime / _rowsSquared;
        }

        Volatile.Write(ref _slope, slope);
        Volatile.Write(ref _fixed, intercept);
    }
}
