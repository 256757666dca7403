namespace MlServe.Benchmarks.Load;

/// <summary>What holds for all runs of a load test.</summary>
internal sealed record LoadSettings
{
    /// <summary>The share of a core that the generator may take to wait awake: enough to be punctual on an idle machine.</summary>
    public const double SpinShare = 0.05;

    /// <summary>The latency that <see cref="Percentile"/> of the requests must keep.</summary>
    public required TimeSpan Bound { get; init; }

    public double Percentile { get; init; } = 0.99;

    public double Confidence { get; init; } = 0.99;

    /// <summary>The rate to expect, in requests a second; null where nobody has said it.</summary>
    public double? PeakRps { get; init; }

    /// <summary>How long a step lasts, in seconds; null: as the scenario has it.</summary>
    public double? Seconds { get; init; }

    public bool IsFull { get; init; }

    public int Seed { get; init; } = 1;

    /// <summary>The share of the bound that the generator's lag must stay under, at its 99th percentile.</summary>
    public double MaxLag { get; init; } = 0.01;

    /// <summary>How long to wait for answers when all has been sent.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The clock of <see cref="DrainTimeout"/>.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public LoadProgress Progress { get; init; } = new(null);

    /// <summary>Whether the generator was too late for the latencies to be trusted.</summary>
    public bool IsSpoiled(StepRecorder step) => step.Lag.TotalCount > 0 && step.Lag.Milliseconds(0.99) >= MaxLag * Bound.TotalMilliseconds;
}
