namespace MlServe.TestModels;

/// <summary>A tensor as the value of an attribute.</summary>
/// <param name="Type">The number of its type in <c>TensorProto.DataType</c>.</param>
/// <param name="Bytes">Its elements.</param>
/// <param name="Shape">Its dimensions.</param>
public sealed record OnnxTensorValue(int Type, byte[] Bytes, long[] Shape);
