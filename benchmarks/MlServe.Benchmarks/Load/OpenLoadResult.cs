namespace MlServe.Benchmarks.Load;

/// <summary>What became of one run.</summary>
internal sealed record OpenLoadResult
{
    public required IReadOnlyList<StepRecorder> Steps { get; init; }

    public required TimeSlots Slots { get; init; }

    /// <summary>Requests that were never answered.</summary>
    public required IReadOnlyList<long> LostIds { get; init; }

    /// <summary>Answers beyond the first, over all runs so far.</summary>
    public required long Twice { get; init; }

    public required bool IsRaised { get; init; }

    public required bool IsCancelled { get; init; }

    /// <summary>Whether it ended early because more had missed the bound than may.</summary>
    public required bool IsStopped { get; init; }

    public required long AllocatedBytes { get; init; }

    /// <summary>How long garbage collections stopped the process, in milliseconds.</summary>
    public required double PauseMs { get; init; }

    /// <summary>How long other virtual machines had the cores that this one wanted, in milliseconds over all cores.</summary>
    public required double StolenMs { get; init; }
}
