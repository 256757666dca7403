namespace MlServe.Onnx.Graphs;

/// <summary>The kind of value that an attribute holds, with the numbers of <c>AttributeProto.AttributeType</c>.</summary>
internal enum GraphAttributeKind
{
    Undefined = 0,
    Float = 1,
    Int = 2,
    Text = 3,
    Tensor = 4,
    Graph = 5,
    Floats = 6,
    Ints = 7,
    Texts = 8,
    Tensors = 9,
    Graphs = 10,
    SparseTensor = 11,
    SparseTensors = 12,
    Type = 13,
    Types = 14,
}
