using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>
/// Reads ModelProto and FunctionProto. Faults that the inspector has refused before need not be refused here again; bytes that do not fit
/// the wire format are.
/// </summary>
internal static class OnnxGraphReader
{
    public static OnnxGraph Read(ReadOnlySpan<byte> model, OnnxInspectionLimits limits)
    {
        var reading = new GraphReading(limits);
        var reader = new WireReader(model, "ModelProto");
        var opsets = new Dictionary<string, long>();
        var functions = new List<GraphFunction>();
        var metadata = new Dictionary<string, string>();
        var names = new HashSet<(string Domain, string Name, string Overload)>();
        var faults = new List<string>();
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
                    AddOpset(reader.Repeated("opset_import", "OperatorSetIdProto"), reading, opsets, faults);
                    break;
                case 14:
                    reading.State.CountEntry(reader);
                    var entry = TextEntry.Read(reader.Repeated("metadata_props", "StringStringEntryProto"));
                    metadata[reading.State.Keep(entry.Key, reader)] = reading.State.Keep(entry.Value, reader);
                    break;
                case 25:
                    var function = ReadFunction(reader.Repeated("functions", "FunctionProto"), reading, faults);
                    if (!names.Add((function.Domain, function.Name, function.Overload)))
                        faults.Add($"the function '{function.Name}' is given twice");
                    functions.Add(function);
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
            Faults = faults,
        };
    }

    private static void AddOpset(WireReader reader, GraphReading reading, Dictionary<string, long> opsets, List<string> faults)
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

        if (!opsets.TryAdd(domain, version) && opsets[domain] != version) faults.Add($"the operator set of '{domain}' is given twice");
    }

    private static GraphFunction ReadFunction(WireReader reader, GraphReading reading, List<string> faults)
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
                    AddOpset(reader.Repeated("opset_import", "OperatorSetIdProto"), reading, opsets, faults);
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

        return new()
        {
            Domain = domain,
            Name = name,
            Overload = overload,
            Body = builder.Build(name),
            Opsets = opsets,
            Defaults = defaults,
        };
    }
}
