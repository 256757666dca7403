namespace MlServe.Benchmarks.Load;

/// <summary>All that a load test found, as it is printed and written.</summary>
internal sealed record LoadReport
{
    public string Kind { get; } = "LoadGen-style (not an MLPerf result)";

    public required string Scenario { get; init; }

    public required LoadVerdict Verdict { get; init; }

    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>The figure that the scenario is about.</summary>
    public string? Metric { get; init; }

    public double? Value { get; init; }

    public required IReadOnlyList<StepReport> Steps { get; init; }

    public IReadOnlyList<MemorySample> Memory { get; init; } = [];

    public double? RecoverySeconds { get; init; }

    /// <summary>Ids of requests that were lost, the first few.</summary>
    public IReadOnlyList<long> LostIds { get; init; } = [];

    public IReadOnlyList<string> Notes { get; init; } = [];

    public double BoundMs { get; init; }

    public int Seed { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    /// <summary>What was asked for, and what it was measured on.</summary>
    public IReadOnlyDictionary<string, string> Setup { get; init; } = new Dictionary<string, string>();
}
