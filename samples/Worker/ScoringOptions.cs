namespace MlServe.Samples.Worker;

/// <summary>What to score, and how.</summary>
internal sealed record ScoringOptions(string Input, string Output, OnError OnError, int BatchRows, bool Resume)
{
    /// <summary>Where answers stand until all are there.</summary>
    public string Partial => Output + ".partial";

    public static ScoringOptions From(FileInfo? input, FileInfo? output, OnError onError, int batchRows, bool resume)
    {
        var path = input?.FullName ?? MnistCsv.DefaultPath;
        return new(path, output?.FullName ?? Path.ChangeExtension(path, ".scores.csv"), onError, batchRows, resume);
    }
}
