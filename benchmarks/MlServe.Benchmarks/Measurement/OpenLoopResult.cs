namespace MlServe.Benchmarks.Measurement;

/// <summary>What became of the requests of an open loop.</summary>
internal sealed class OpenLoopResult(
    double[] latencies, PredictionStatus[] statuses, double[] lag, TimeSpan duration, double generatorSeconds)
{
    public int Count => latencies.Length;

    /// <summary>Answers a second.</summary>
    public double Goodput => statuses.Count(static status => status == PredictionStatus.Ok) / duration.TotalSeconds;

    /// <summary>The share of a core that the generator took.</summary>
    public double GeneratorCpu => generatorSeconds / duration.TotalSeconds;

    /// <summary>The share of all requests, refused ones among them, that got an answer within a time.</summary>
    public double AnsweredWithin(double seconds)
    {
        var kept = 0;
        for (var i = 0; i < latencies.Length; i++)
        {
            if (statuses[i] == PredictionStatus.Ok && latencies[i] <= seconds) kept++;
        }

        return (double)kept / latencies.Length;
    }

    /// <summary>A percentile of the latency of answers, in seconds.</summary>
    public double Percentile(double share)
    {
        double[] answered = [.. latencies.Where((_, i) => statuses[i] == PredictionStatus.Ok).Order()];
        return answered.Length == 0 ? double.PositiveInfinity : answered[Math.Min(answered.Length - 1, (int)(share * answered.Length))];
    }

    /// <summary>The 99th percentile of how late the generator was, in seconds.</summary>
    public double LagP99 => lag.Order().ElementAt((int)(0.99 * (lag.Length - 1)));
}
