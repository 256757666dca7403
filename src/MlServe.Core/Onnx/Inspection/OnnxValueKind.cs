namespace MlServe.Onnx.Inspection;

/// <summary>The kinds of value that an ONNX graph takes and gives.</summary>
public enum OnnxValueKind
{
    /// <summary>The model does not say, or says it with a kind newer than this list.</summary>
    Unknown = 0,

    /// <summary>A dense tensor.</summary>
    Tensor,

    /// <summary>A sparse tensor.</summary>
    SparseTensor,

    /// <summary>A list of values of one type.</summary>
    Sequence,

    /// <summary>Values under keys.</summary>
    Map,

    /// <summary>A value that may be missing.</summary>
    Optional,

    /// <summary>A type known only to the runtime that defines it.</summary>
    Opaque,
}
