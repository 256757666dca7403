namespace MlServe.Batching;

/// <summary>
/// Chooses the lengths to fill up to. Looked at is what it costs to answer all requests in flight once: each length that is there needs a
/// run, or several if it has more rows than a batch holds. Fewer lengths save runs and waste tokens; for each number of requests in flight
/// one division costs least. For one request in flight that is no filling up at all.
/// </summary>
internal static class LengthBuckets
{
    /// <summary>The most lengths, each of which has lanes of its own.</summary>
    public const int Most = 16;

    /// <summary>The division of the lengths seen that costs least; empty: not to fill up.</summary>
    /// <param name="shares">The requests seen in each of the <see cref="LengthBins"/>, in any unit.</param>
    /// <param name="line">The cost of runs.</param>
    /// <param name="inFlight">Requests that wait or run at once.</param>
    /// <param name="batch">The most rows of a batch.</param>
    /// <param name="current">The division now; kept unless another costs clearly less.</param>
    public static int[] Choose(
        ReadOnlySpan<double> shares, LengthCost.Line line, double inFlight, int batch, ReadOnlySpan<int> current = default)
    {
        var load = new Load(Math.Max(1, inFlight), batch);
        var bins = new List<(int End, double Rows)>();
        var sum = 0.0;
        foreach (var share in shares)
            sum += share;
        if (!(sum > 0)) return [];
        var unfilled = 0.0;
        for (var bin = 0; bin < shares.Length; bin++)
        {
            if (!(shares[bin] > 0)) continue;
            var rows = load.InFlight * shares[bin] / sum;
            bins.Add((LengthBins.End(bin), rows));
            unfilled += CostUnfilled(bin, rows, line, load);
        }

        var (found, cost) = Divide(bins, line, load);
        var now = current.IsEmpty ? unfilled : CostOf(bins, line, load, current);

        // A change makes new lanes, and what is known of costs is never exact.
        if (cost < 0.97 * Math.Min(now, unfilled)) return found;
        return now <= unfilled ? InUse(bins, current) : [];
    }

    /// <summary>A division without the lengths that no request is filled up to any more.</summary>
    private static int[] InUse(List<(int End, double Rows)> bins, ReadOnlySpan<int> buckets)
    {
        var inUse = new List<int>(buckets.Length);
        var next = 0;
        foreach (var bucket in buckets)
        {
            if (next < bins.Count && bins[next].End <= bucket) inUse.Add(bucket);
            while (next < bins.Count && bins[next].End <= bucket)
                next++;
        }

        return [.. inUse];
    }

    /// <summary>The cost of a division; lengths beyond its largest run unfilled.</summary>
    internal static double CostOf(IReadOnlyList<(int End, double Rows)> bins, LengthCost.Line line, Load load, ReadOnlySpan<int> buckets)
    {
        var cost = 0.0;
        var next = 0;
        foreach (var bucket in buckets)
        {
            var rows = 0.0;
            while (next < bins.Count && bins[next].End <= bucket)
                rows += bins[next++].Rows;
            cost += Cost(rows, bucket, line, load);
        }

        for (; next < bins.Count; next++)
            cost += CostUnfilled(LengthBins.Of(bins[next].End), bins[next].Rows, line, load);
        return cost;
    }

    private static (int[] Buckets, double Cost) Divide(List<(int End, double Rows)> bins, LengthCost.Line line, Load load)
    {
        var most = Math.Min(Most, bins.Count);
        var best = new double[most + 1, bins.Count + 1];
        var from = new int[most + 1, bins.Count + 1];
        for (var end = 1; end <= bins.Count; end++)
            best[0, end] = double.PositiveInfinity;
        for (var count = 1; count <= most; count++)
        {
            best[count, 0] = 0;
            for (var end = 1; end <= bins.Count; end++)
            {
                best[count, end] = double.PositiveInfinity;
                var rows = 0.0;
                for (var start = end - 1; start >= 0; start--)
                {
                    rows += bins[start].Rows;
                    var cost = best[count - 1, start] + Cost(rows, bins[end - 1].End, line, load);
                    if (cost >= best[count, end]) continue;
                    best[count, end] = cost;
                    from[count, end] = start;
                }
            }
        }

        var fewest = 1;
        for (var count = 2; count <= most; count++)
        {
            if (best[count, bins.Count] < best[fewest, bins.Count]) fewest = count;
        }

        var buckets = new List<int>();
        for (int count = fewest, end = bins.Count; end > 0; end = from[count--, end])
            buckets.Insert(0, bins[end - 1].End);
        return ([.. buckets], best[fewest, bins.Count]);
    }

    /// <summary>The cost of the rows of one length: the runs that they need, and each row.</summary>
    private static double Cost(double rows, int length, LengthCost.Line line, Load load) =>
        (line.Fixed * load.Runs(rows)) + (rows * line.Row(length));

    private static double CostUnfilled(int bin, double rows, LengthCost.Line line, Load load)
    {
        var width = LengthBins.Width(bin);
        var each = rows / width;
        var runs = width * load.Runs(each);
        return (line.Fixed * runs) + (rows * line.Row(LengthBins.End(bin) - ((width - 1) / 2.0)));
    }

    /// <summary>The requests that wait or run at once, 1 or more, and the most rows of a batch.</summary>
    internal readonly record struct Load(double InFlight, int Batch)
    {
        /// <summary>Runs that a share of the requests in flight needs: at least one if any of them is of this share.</summary>
        public double Runs(double rows) =>
            Math.Max(1 - Math.Pow(1 - Math.Min(1, rows / InFlight), InFlight), rows / Batch);
    }
}
