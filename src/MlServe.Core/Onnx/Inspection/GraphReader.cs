namespace MlServe.Onnx.Inspection;

/// <summary>Reads GraphProto.</summary>
internal static class GraphReader
{
    // Where in the model the names of its initializers stand goes to the last argument; null where nobody asks.
    public static void Read(WireReader reader, InspectionState state, GraphPlace place, int depth, List<Range>? initializers = null)
    {
        state.CheckDepth(reader, depth);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    NodeReader.Read(reader.Repeated("node", "NodeProto"), state, place, depth);
                    break;
                case 2 when place == GraphPlace.Main:
                    state.GraphName = state.Keep(reader.Name("name", state.Limits), reader);
                    break;
                case 5:
                    var tensor = TensorReader.Read(reader.Repeated("initializer", "TensorProto"), state);
                    Add(tensor, place, state, state.Initializers, reader, initializers);
                    break;
                case 10 when place == GraphPlace.Main:
                    state.GraphDescription = state.KeepDescription(reader.Bytes("doc_string"));
                    break;
                case 11 when place == GraphPlace.Main:
                    state.Inputs.Add(TypeReader.ReadValueInfo(reader.Repeated("input", "ValueInfoProto"), state));
                    break;
                case 12 when place == GraphPlace.Main:
                    state.Outputs.Add(TypeReader.ReadValueInfo(reader.Repeated("output", "ValueInfoProto"), state));
                    break;
                case 15:
                    var sparse = TensorReader.ReadSparse(reader.Repeated("sparse_initializer", "SparseTensorProto"), state);
                    Add(sparse, place, state, state.SparseInitializers, reader, initializers);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void Add(
        TensorSummary tensor, GraphPlace place, InspectionState state, TensorTotals totals, in WireReader reader, List<Range>? initializers)
    {
        initializers?.Add(tensor.Name);
        if (place != GraphPlace.Training && totals.Add(tensor.ElementType, tensor.Bytes))
            state.CountEntry(reader);
    }
}
