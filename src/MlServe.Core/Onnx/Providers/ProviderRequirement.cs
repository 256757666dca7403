namespace MlServe.Onnx;

/// <summary>The outcome if an execution provider cannot be had.</summary>
public enum ProviderRequirement
{
    /// <summary>The next in the list is tried, the processor at last, and a log line says so.</summary>
    ElseNext = 0,

    /// <summary>The model does not load; the error names the package that is missing.</summary>
    Required,
}
