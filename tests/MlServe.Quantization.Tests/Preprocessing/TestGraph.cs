using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Builds small models, node by node.</summary>
internal sealed class TestGraph
{
    public TestGraph(long opset = 13, long irVersion = 7)
    {
        Model = new() { IrVersion = irVersion, Graph = new() { Name = "graph" } };
        Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
    }

    public ModelProto Model { get; }

    public static ValueInfoProto Value(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = new() };
        foreach (var size in shape)
            tensor.Shape.Dim.Add(size < 0 ? new TensorShapeProto.Types.Dimension { DimParam = $"d{-size}" } : new() { DimValue = size });
        return new() { Name = name, Type = new() { TensorType = tensor } };
    }

    public TestGraph Input(string name, params ReadOnlySpan<long> shape)
    {
        Model.Graph.Input.Add(Value(name, DataType.Float, shape));
        return this;
    }

    public TestGraph Output(string name)
    {
        Model.Graph.Output.Add(new ValueInfoProto { Name = name });
        return this;
    }

    public TestGraph Node(string operation, string inputs, string outputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        Model.Graph.Node.Add(Nodes.Make(
            operation, inputs.Split(' ').Select(static name => name == "_" ? "" : name), outputs.Split(' '), $"n_{outputs.Split(' ')[0]}",
            attributes));
        return this;
    }

    public TestGraph Weight(TensorProto tensor)
    {
        Model.Graph.Initializer.Add(tensor);
        return this;
    }

    public TestGraph Scalar(string name, float value) => Weight(TensorData.Scalar(name, value));
}
