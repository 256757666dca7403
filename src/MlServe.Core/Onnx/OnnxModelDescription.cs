using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>What is known of a loaded model; found with <c>predictor.GetService&lt;OnnxModelDescription&gt;()</c>. Immutable.</summary>
public sealed record OnnxModelDescription
{
    /// <summary>Name, version and digest.</summary>
    public required ModelIdentity Identity { get; init; }

    /// <summary>Where the bytes came from.</summary>
    public required string Origin { get; init; }

    /// <summary>The size of the file in bytes.</summary>
    public required long SizeInBytes { get; init; }

    /// <summary>What the file says of itself: operator sets, operators, weights.</summary>
    public required OnnxModelInfo Info { get; init; }

    /// <summary>The execution provider in use, in the runtime's words (<c>CPUExecutionProvider</c>); operators that it lacks run on the processor.</summary>
    public required string ExecutionProvider { get; init; }

    /// <summary>Why providers that were asked for first are not in use; empty where the first is.</summary>
    public required IReadOnlyList<string> ProvidersPassedOver { get; init; }

    /// <summary>The version of the native runtime.</summary>
    public required string RuntimeVersion { get; init; }

    /// <summary>Whether the session was opened from the cache of optimized models.</summary>
    public required bool FromOptimizedCache { get; init; }

    /// <summary>
    /// What is wrong with the model although it is loaded, with the runtime's words and what to do about it: it answered none of the rows that were made up for it, or only with
    /// less optimization than the options say. Null where nothing is.
    /// </summary>
    public string? WarmUpFailure { get; init; }

    /// <summary>From reading the file to the end of the warm-up.</summary>
    public required TimeSpan LoadTime { get; init; }
}
