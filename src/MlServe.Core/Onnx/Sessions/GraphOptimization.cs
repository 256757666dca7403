namespace MlServe.Onnx;

/// <summary>How far ONNX Runtime rewrites a model's graph at load.</summary>
public enum GraphOptimization
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>Only changes that keep the meaning of every operator: constant folding, removal of redundant nodes.</summary>
    Basic,

    /// <summary>Also fusions for the execution provider in use.</summary>
    Extended,

    /// <summary>Also changes of memory layout for the processor at hand.</summary>
    All,
}
