namespace MlServe.Benchmarks.Load;

/// <summary>What the command line asks for.</summary>
internal sealed record LoadRequestOptions
{
    public FileInfo? Model { get; init; }

    public FileInfo? Settings { get; init; }

    public string? Name { get; init; }

    public FileInfo? Inputs { get; init; }

    public IReadOnlyList<string> Dimensions { get; init; } = [];

    public bool UseBatching { get; init; } = true;

    public TimeSpan? Bound { get; init; }

    public double? PeakRps { get; init; }

    public double? Seconds { get; init; }

    public bool IsFull { get; init; }

    public int Seed { get; init; } = 1;

    public double Confidence { get; init; } = 0.99;

    public double MaxLag { get; init; } = 0.01;

    public DirectoryInfo? Output { get; init; }

    public FileInfo? Json { get; init; }
}
