namespace MlServe.Onnx;

/// <summary>A model that is open and has been tried.</summary>
/// <param name="Opened">Its sessions; the owner's share is the holder's.</param>
/// <param name="Executor">Runs it.</param>
/// <param name="Finding">The evidence about its rows.</param>
/// <param name="Optimization">How far its graph is optimized.</param>
internal sealed record TriedModel(OpenedModel Opened, OnnxExecutor Executor, BatchAxisFinding Finding, GraphOptimization Optimization)
{
    /// <summary>Why it answered none of the rows that were made up; empty if it answered one, or none was made up.</summary>
    public IReadOnlyList<PredictionError> Refusals { get; init; } = [];

    /// <summary>Whether the findings are those of an earlier load.</summary>
    public bool IsRemembered { get; init; }

    /// <summary>The fault that it has all the same, and the remedy; null if there is none.</summary>
    public string? Failure { get; init; }
}
