namespace MlServe.Onnx.Inspection;

/// <summary>The tensors of one element type, added up.</summary>
/// <param name="ElementType">The element type; of a sparse tensor, that of its values.</param>
/// <param name="Count">The number of tensors.</param>
/// <param name="Bytes">
/// The bytes of the elements that are really in the file, at the width they have in memory; the claims of dimensions play no part. A tensor
/// kept in another file counts zero; a sparse tensor counts its indices too; text counts its UTF-8 bytes.
/// </param>
public sealed record OnnxTensorTotal(OnnxElementType ElementType, long Count, long Bytes);
