using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>Reads GraphProto.</summary>
internal static class GraphBodyReader
{
    public static GraphBody Read(WireReader reader, GraphReading reading, int depth)
    {
        reading.State.CheckDepth(reader, depth);
        var builder = new GraphBodyBuilder();
        var name = "";
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    builder.Nodes.Add(GraphNodeReader.Read(reader.Repeated("node", "NodeProto"), reading, depth));
                    break;
                case 2:
                    name = reading.Name(ref reader, "name");
                    break;
                case 5:
                    builder.Initializers.Add(GraphTensorReader.Read(reader.Repeated("initializer", "TensorProto"), reading));
                    break;
                case 11:
                    builder.Inputs.Add(TypeReader.ReadValueInfo(reader.Repeated("input", "ValueInfoProto"), reading.State));
                    break;
                case 12:
                    builder.Outputs.Add(TypeReader.ReadValueInfo(reader.Repeated("output", "ValueInfoProto"), reading.State));
                    break;
                case 13:
                    builder.Declared.Add(TypeReader.ReadValueInfo(reader.Repeated("value_info", "ValueInfoProto"), reading.State));
                    break;
                case 15:
                    builder.Initializers.Add(GraphTensorReader.ReadSparse(
                        reader.Repeated("sparse_initializer", "SparseTensorProto"), reading));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return builder.Build(name);
    }
}
