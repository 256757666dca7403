namespace MlServe.Batching;

/// <summary>
/// The cost of runs of one model over rows and length, time = a + b · tokens + c · tokens · length, learnt from runs of all lengths
/// together. Old runs are forgotten little by little.
/// </summary>
internal sealed class LengthCost
{
    private const double Keep = 1 - (1.0 / 512);
    private const double WorthwhileGain = 0.9;
    private const double FewestRuns = 16;

    // By what is least harmful if runs do not tell: where no fixed cost shows, nothing is gained by filling up.
    private static readonly int[][] Terms = [[1], [2], [1, 2], [0, 1], [0, 2], [0, 1, 2], [0]];

    private readonly Lock _gate = new();
    private readonly double[] _sums = new double[9];
    private double _weight;
    private double _runs;

    /// <summary>Learns what a run of <paramref name="rows"/> rows took.</summary>
    /// <param name="rows">Its rows.</param>
    /// <param name="length">The length to which they were filled up.</param>
    /// <param name="seconds">Its time.</param>
    /// <param name="weight">The share of the run that this is: it is told once by each of its requests.</param>
    public void Add(int rows, long length, double seconds, double weight)
    {
        if (rows <= 0 || length <= 0 || !(seconds > 0)) return;

        // By relative error: a long run must not outweigh the many short ones.
        var one = 1 / seconds;
        var tokens = rows * (double)length / seconds;
        var pairs = tokens * length;
        lock (_gate)
        {
            var keep = 1 - ((1 - Keep) * weight);
            for (var i = 0; i < _sums.Length; i++)
                _sums[i] *= keep;
            _weight = (_weight * keep) + weight;
            _runs = Math.Min(_runs + weight, FewestRuns);
            _sums[0] += weight * one * one;
            _sums[1] += weight * one * tokens;
            _sums[2] += weight * one * pairs;
            _sums[3] += weight * tokens * tokens;
            _sums[4] += weight * tokens * pairs;
            _sums[5] += weight * pairs * pairs;
            _sums[6] += weight * one;
            _sums[7] += weight * tokens;
            _sums[8] += weight * pairs;
        }
    }

    /// <summary>The cost as far as it is known; null if too few runs were seen.</summary>
    public Line? Fit()
    {
        Span<double> sums = stackalloc double[9];
        double weight;
        lock (_gate)
        {
            if (_runs < FewestRuns - 1e-6) return null;
            _sums.CopyTo(sums);
            weight = _weight;
        }

        Span<double> best = stackalloc double[3];
        Span<double> trial = stackalloc double[3];
        var least = double.PositiveInfinity;
        foreach (var terms in Terms)
        {
            if (!TrySolve(sums, terms, trial)) continue;
            var error = Error(sums, weight, trial);
            if (error >= least * WorthwhileGain) continue;
            least = error;
            trial.CopyTo(best);
        }

        return double.IsInfinity(least) ? null : new Line(best[0], best[1], best[2]);
    }

    private static double Error(ReadOnlySpan<double> sums, double weight, ReadOnlySpan<double> x)
    {
        var error = weight;
        for (var i = 0; i < 3; i++)
        {
            error -= 2 * x[i] * sums[6 + i];
            for (var j = 0; j < 3; j++)
                error += x[i] * x[j] * sums[Cell(i, j)];
        }

        // What is left below a thousandth is rounding, not a better fit.
        return Math.Max(error, 1e-6 * weight);
    }

    /// <summary>Least squares over some of the terms; false if the runs do not determine them, or one would be negative.</summary>
    private static bool TrySolve(ReadOnlySpan<double> sums, int[] terms, Span<double> x)
    {
        x.Clear();
        Span<double> matrix = stackalloc double[12];
        var count = terms.Length;
        for (var i = 0; i < count; i++)
        {
            // Scaled to a diagonal of ones, so that what is singular can be told.
            var scale = Math.Sqrt(sums[Cell(terms[i], terms[i])]);
            for (var j = 0; j < count; j++)
                matrix[(i * 4) + j] = sums[Cell(terms[i], terms[j])] / (scale * Math.Sqrt(sums[Cell(terms[j], terms[j])]));
            matrix[(i * 4) + 3] = sums[6 + terms[i]] / scale;
        }

        for (var i = 0; i < count; i++)
        {
            if (!(matrix[(i * 4) + i] > 1e-4)) return false;
            for (var row = i + 1; row < count; row++)
            {
                var factor = matrix[(row * 4) + i] / matrix[(i * 4) + i];
                for (var column = i; column < 4; column++)
                    matrix[(row * 4) + column] -= factor * matrix[(i * 4) + column];
            }
        }

        for (var i = count - 1; i >= 0; i--)
        {
            var value = matrix[(i * 4) + 3];
            for (var j = i + 1; j < count; j++)
                value -= matrix[(i * 4) + j] * x[terms[j]] * Math.Sqrt(sums[Cell(terms[j], terms[j])]);
            x[terms[i]] = value / matrix[(i * 4) + i] / Math.Sqrt(sums[Cell(terms[i], terms[i])]);
            if (!(x[terms[i]] >= 0)) return false;
        }

        return true;
    }

    private static int Cell(int i, int j) => Math.Min(i, j) switch { 0 => Math.Max(i, j), 1 => 2 + Math.Max(i, j), _ => 5 };

    /// <summary>A run of n rows of length l takes Fixed + n · l · (PerToken + PerPair · l) seconds.</summary>
    internal readonly record struct Line(double Fixed, double PerToken, double PerPair)
    {
        /// <summary>Seconds that a row adds.</summary>
        public double Row(double length) => length * (PerToken + (PerPair * length));
    }
}
