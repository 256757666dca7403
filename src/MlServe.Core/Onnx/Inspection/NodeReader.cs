namespace MlServe.Onnx.Inspection;

/// <summary>Reads NodeProto and AttributeProto, and with them the graphs in attributes, the only place at which ONNX graphs nest.</summary>
internal static class NodeReader
{
    public static void Read(WireReader reader, InspectionState state, GraphPlace place, int depth)
    {
        state.CountNode(reader);
        ReadOnlySpan<byte> opType = default, domain = default;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Name("input", state.Limits);
                    break;
                case 2:
                    reader.Name("output", state.Limits);
                    break;
                case 3:
                    reader.Name("name", state.Limits);
                    break;
                case 4:
                    opType = reader.Name("op_type", state.Limits);
                    break;
                case 5:
                    ReadAttribute(reader.Repeated("attribute", "AttributeProto"), state, place, depth);
                    break;
                case 7:
                    domain = reader.Name("domain", state.Limits);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (opType.IsEmpty)
            throw reader.Malformed("a node without op_type (field 4)", "the name of an operator");
        state.AddOperator(domain, opType, place, reader);
    }

    public static void ReadAttribute(WireReader reader, InspectionState state, GraphPlace place, int depth)
    {
        var bodyPlace = place == GraphPlace.Main ? GraphPlace.Subgraph : place;
        long bytes = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Name("name", state.Limits);
                    break;
                case 4:
                    bytes += reader.Bytes("s").Length;
                    break;
                case 5:
                    AddConstant(TensorReader.Read(reader.Single("t", "TensorProto"), state), place, state, reader);
                    break;
                case 6:
                    GraphReader.Read(reader.Single("g", "GraphProto"), state, bodyPlace, depth + 1);
                    break;
                case 7:
                    bytes += (long)sizeof(float) * reader.CountFixed("floats", WireType.Fixed32);
                    break;
                case 8:
                    bytes += (long)sizeof(long) * reader.CountVarints("ints");
                    break;
                case 9:
                    bytes += reader.Bytes("strings").Length;
                    break;
                case 10:
                    AddConstant(TensorReader.Read(reader.Repeated("tensors", "TensorProto"), state), place, state, reader);
                    break;
                case 11:
                    GraphReader.Read(reader.Repeated("graphs", "GraphProto"), state, bodyPlace, depth + 1);
                    break;
                case 22:
                    var sparse = TensorReader.ReadSparse(reader.Single("sparse_tensor", "SparseTensorProto"), state);
                    AddConstant(sparse, place, state, reader);
                    break;
                case 23:
                    sparse = TensorReader.ReadSparse(reader.Repeated("sparse_tensors", "SparseTensorProto"), state);
                    AddConstant(sparse, place, state, reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (place != GraphPlace.Training)
            state.AttributeBytes += bytes;
    }

    private static void AddConstant(TensorSummary tensor, GraphPlace place, InspectionState state, in WireReader reader)
    {
        if (place != GraphPlace.Training && state.Constants.Add(tensor.ElementType, tensor.Bytes))
            state.CountEntry(reader);
    }
}
