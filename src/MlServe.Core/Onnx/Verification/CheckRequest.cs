namespace MlServe.Onnx.Verification;

/// <summary>
/// How a model is to be checked: the settings that decide what the runtime makes of it. A line of JSON before the bytes of the model.
/// </summary>
internal sealed record CheckRequest
{
    public required string Name { get; init; }

    public required string Origin { get; init; }

    /// <summary>The folder of weights in other files; null: none are allowed.</summary>
    public string? Folder { get; init; }

    public required long MaxMemoryBytes { get; init; }

    public required TimeSpan Timeout { get; init; }

    public string Optimization { get; init; } = "All";

    public int IntraOpThreads { get; init; } = 1;

    public bool IsRun { get; init; } = true;

    public bool FindsBatchAxis { get; init; } = true;

    public int? BatchAxis { get; init; }

    public SortedDictionary<string, int> BatchAxes { get; init; } = [];

    public SortedDictionary<string, long> FreeDimensions { get; init; } = [];

    public SortedDictionary<string, string> SessionEntries { get; init; } = [];

    /// <summary>The limits of the inspection, by name.</summary>
    public SortedDictionary<string, long> InspectionLimits { get; init; } = [];

    public int[] WarmUpRows { get; init; } = [];

    public int WarmUpRuns { get; init; } = 3;
}
