namespace MlServe.Onnx.Inspection;

/// <summary>The facts that are kept of a tensor once it is read; its name is its place in the model.</summary>
internal readonly record struct TensorSummary(OnnxElementType ElementType, long Bytes, Range Name);
