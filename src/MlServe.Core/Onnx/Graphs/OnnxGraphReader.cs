using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>Reads ModelProto and FunctionProto. What the inspector has refused before need not be refused here again; what does not fit the wire format is.</summary>
internal static class OnnxGraphReader
{
    public static OnnxGraph Read(ReadOnlySpan<byte> model, OnnxInspectionLimits limits)
    {
        var reading = new GraphReading(limits);
        var reader = new WireReader(model, "ModelProto");
        var opsets = new Dictionary<string, long>();
        var functions = new List<GraphFunction>();
        var metadata = new Dictionary<string, string>();
        GraphBody? main = null;
        long irVersion = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    irVersion = reader.Int64("ir_version");
                    break;
                case 7:
                    main = GraphBodyReader.Read(reader.Single("graph", "GraphProto"), reading, depth: 0);
                    break;
                case 8:
                    AddOpset(reader.Repeated("opset_import", "OperatorSetIdProto"), reading, opsets);
                    break;
                case 14:
                    reading.State.CountEntry(reader);
                    var entry = TextEntry.Read(reader.Repeated("metadata_props", "StringStringEntryProto"));
                    metadata[reading.State.Keep(entry.Key, reader)] = reading.State.Keep(entry.Value, reader);
                    break;
                case 25:
                    functions.Add(ReadFunction(reader.Repeated("functions", "FunctionProto"), reading));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new()
        {
            IrVersion = irVersion,
            Main = main ?? throw reader.Malformed("the end without graph (field 7)", "a graph"),
            Opsets = opsets,
            Functions = functions,
            Metadata = metadata,
        };
    }

    private static void AddOpset(WireReader reader, GraphReading reading, Dictionary<string, long> opsets)
    {
        reading.State.CountEntry(reader);
        var domain = InspectionState.OnnxDomain;
        long version = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    domain = reading.Domain(ref reader);
                    break;
                case 2:
                    version = reader.Int64("version");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // Of a domain given twice the runtime takes the higher version.
        opsets[domain] = Math.Max(version, opsets.GetValueOrDefault(domain));
    }

    private static GraphFunction ReadFunction(WireReader reader, GraphReading reading)
    {
        reading.State.CountEntry(reader);
        string name = "", domain = InspectionState.OnnxDomain, overload = "";
        var builder = new GraphBodyBuilder();
        var opsets = new Dictionary<string, long>();
        var defaults = new Dictionary<string, GraphAttribute>();
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reading.Name(ref reader, "name");
                    break;
                case 4:
                    builder.Inputs.Add(new(reading.Name(ref reader, "input"), OnnxValueType.Unknown, HasDefault: false));
                    break;
                case 5:
                    builder.Outputs.Add(new(reading.Name(ref reader, "output"), OnnxValueType.Unknown, HasDefault: false));
                    break;
                case 7:
                    builder.Nodes.Add(GraphNodeReader.Read(reader.Repeated("node", "NodeProto"), reading, depth: 0));
                    break;
                case 9:
                    AddOpset(reader.Repeated("opset_import", "OperatorSetIdProto"), reading, opsets);
                    break;
                case 10:
                    domain = reading.Domain(ref reader);
                    break;
                case 11:
                    var attribute = GraphNodeReader.ReadAttribute(reader.Repeated("attribute_proto", "AttributeProto"), reading, depth: 0);
                    defaults[attribute.Name] = attribute;
                    break;
                case 12:
                    builder.Declared.Add(TypeReader.ReadValueInfo(reader.Repeated("value_info", "ValueInfoProto"), reading.State));
                    break;
                case 13:
                    overload = reading.Name(ref reader, "overload");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new() { Domain = domain, Name = name, Overload = overload, Body = builder.Build(name), Opsets = opsets, Defaults = defaults };
    }
}
