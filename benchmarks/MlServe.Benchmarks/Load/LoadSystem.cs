namespace MlServe.Benchmarks.Load;

/// <summary>What a scenario works with.</summary>
internal sealed class LoadSystem(IPredictor predictor, IReadOnlyList<PredictionInputs> inputs, LoadSettings settings)
{
    public LoadSettings Settings => settings;

    public IPredictor Predictor => predictor;

    public OutstandingRequests Outstanding { get; } = new(predictor);

    /// <summary>A row's share of the fastest run, in milliseconds; null: not known.</summary>
    public double? ServiceMs { get; private set; }

    /// <summary>The latency of a caller alone, in milliseconds.</summary>
    public double AloneMs { get; private set; }

    public OpenLoad Open() => new(Outstanding, inputs, settings);

    public ClosedLoad Closed() => new(Outstanding, inputs, settings.Progress, settings.DrainTimeout);

    public StepRecorder Step(string name, double rate, double seconds) => new(name, rate, seconds, settings.Bound);

    /// <summary>A step without a bound, of callers who wait for their answers.</summary>
    public static StepRecorder Unbounded(string name) => new(name, 0, 0, TimeSpan.FromHours(1));

    /// <summary>Warms up, and measures what one row costs.</summary>
    /// <param name="lanes">Runs at once.</param>
    /// <param name="batches">The batcher's statistics, where there is one.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task CalibrateAsync(int lanes, Batching.BatchStatistics? batches, CancellationToken cancellationToken)
    {
        settings.Progress.Say("warming up");
        var step = Unbounded("warm-up");
        await Closed().RunAsync(step, 1, 1, 20, 10, cancellationToken);
        if (step.Ok == 0) return;
        AloneMs = step.Latency.Milliseconds(0.5);
        var row = step.Latency.Milliseconds(0.1);
        foreach (var cost in batches?.Costs ?? [])
            row = Math.Min(row, (cost.Fixed.TotalMilliseconds / Math.Max(1, cost.Limit)) + cost.PerRow.TotalMilliseconds);
        if (row > 0) ServiceMs = row / lanes;
    }

    public StepReport Report(StepRecorder step) => StepReport.Of(step, settings, ServiceMs);
}
