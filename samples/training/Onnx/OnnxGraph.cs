using System.Runtime.InteropServices;
using Google.Protobuf;
using TorchSharp;

namespace MlServe.Samples.Training.Onnx;

/// <summary>Builds the ONNX file of one digit model, node after node; every model has the same input and the same two outputs.</summary>
internal sealed class OnnxGraph
{
    public const string Image = "image";
    public const string Logits = "logits";
    public const string Scores = "scores";

    private const int IrVersion = 10;
    private const int OpsetVersion = 21;

    private readonly GraphProto _graph;

    public OnnxGraph(string name)
    {
        _graph = new GraphProto { Name = name };
        _graph.Input.Add(FloatTensor(Image, 1, 28, 28));
        _graph.Output.Add(FloatTensor(Logits, 10));
        _graph.Output.Add(FloatTensor(Scores, 10));
    }

    /// <summary>Adds a constant; gives back its name.</summary>
    public string Constant(string name, torch.Tensor values)
    {
        using var scope = torch.NewDisposeScope();
        var floats = values.detach().cpu().contiguous().data<float>().ToArray();
        var tensor = new TensorProto
        {
            Name = name,
            DataType = (int)TensorProto.Types.DataType.Float,
            // raw_data is little-endian by the specification, as is every platform that LibTorch ships for.
            RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(floats.AsSpan())),
        };
        tensor.Dims.Add(values.shape);
        _graph.Initializer.Add(tensor);
        return name;
    }

    /// <summary>Adds a node with one output; gives back the output's name.</summary>
    public string Node(string opType, string output, string[] inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = opType, Name = output };
        node.Input.Add(inputs);
        node.Output.Add(output);
        foreach (var attribute in attributes)
            node.Attribute.Add(attribute);
        _graph.Node.Add(node);
        return output;
    }

    public static AttributeProto Int(string name, long value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    public static AttributeProto Ints(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        foreach (var value in values)
            attribute.Ints.Add(value);
        return attribute;
    }

    /// <summary>Closes the graph with the softmax that makes scores of the logits, and writes it as a file's content.</summary>
    public byte[] ToModel(string description)
    {
        Node("Softmax", Scores, [Logits], Int("axis", 1));
        var model = new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "MlServe samples/training",
            DocString = description,
            Graph = _graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = OpsetVersion });
        return model.ToByteArray();
    }

    private static ValueInfoProto FloatTensor(string name, params ReadOnlySpan<long> rowShape)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        foreach (var size in rowShape)
            shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = size });
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto
            {
                TensorType = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float, Shape = shape },
            },
        };
    }
}
