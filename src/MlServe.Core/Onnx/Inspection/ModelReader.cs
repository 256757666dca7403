namespace MlServe.Onnx.Inspection;

/// <summary>Reads ModelProto, and the messages that stand in it alone.</summary>
internal static class ModelReader
{
    public static OnnxModelInfo Read(ReadOnlySpan<byte> model, OnnxInspectionLimits limits)
    {
        var state = new InspectionState(limits);
        var reader = new WireReader(model, "ModelProto");
        // Names of the main graph's initializers as places in the file: a million of them must not become a million strings.
        var initializers = new List<Range>();
        bool hasIrVersion = false, hasGraph = false;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    state.IrVersion = reader.Int64("ir_version");
                    hasIrVersion = true;
                    break;
                case 2:
                    state.ProducerName = state.Keep(reader.Name("producer_name", limits), reader);
                    break;
                case 3:
                    state.ProducerVersion = state.Keep(reader.Name("producer_version", limits), reader);
                    break;
                case 4:
                    state.Domain = state.Keep(reader.Name("domain", limits), reader);
                    break;
                case 5:
                    state.ModelVersion = reader.Int64("model_version");
                    break;
                case 6:
                    state.Description = state.KeepDescription(reader.Bytes("doc_string"));
                    break;
                case 7:
                    hasGraph = true;
                    GraphReader.Read(reader.Single("graph", "GraphProto"), state, GraphPlace.Main, depth: 0, initializers);
                    break;
                case 8:
                    state.Opsets.Add(ReadOpset(reader.Repeated("opset_import", "OperatorSetIdProto"), state));
                    break;
                case 14:
                    ReadMetadata(reader.Repeated("metadata_props", "StringStringEntryProto"), state);
                    break;
                case 20:
                    state.HasTrainingInfo = true;
                    ReadTraining(reader.Repeated("training_info", "TrainingInfoProto"), state);
                    break;
                case 25:
                    ReadFunction(reader.Repeated("functions", "FunctionProto"), state);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (!hasIrVersion)
            throw reader.Malformed("the end without ir_version (field 1)", "the version of the ONNX format");
        if (state.IrVersion < 1)
            throw reader.Malformed($"the end with ir_version {state.IrVersion}", "a version of 1 or more");
        if (!hasGraph)
            throw reader.Malformed("the end without graph (field 7)", "a graph");
        if (state.Opsets.Count == 0)
            throw reader.Malformed("the end without opset_import (field 8)", "at least one operator set, as every model since 2017 has");
        return new OnnxModelInfo(state, MarkDefaults(model, state, initializers));
    }

    private static OnnxOpset ReadOpset(WireReader reader, InspectionState state)
    {
        state.CountEntry(reader);
        ReadOnlySpan<byte> domain = default;
        long version = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    domain = reader.Name("domain", state.Limits);
                    break;
                case 2:
                    version = reader.Int64("version");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxOpset(state.KeepDomain(domain, reader), version);
    }

    private static void ReadMetadata(WireReader reader, InspectionState state)
    {
        state.CountEntry(reader);
        var entry = TextEntry.Read(reader);
        state.Metadata[state.Keep(entry.Key, reader)] = state.Keep(entry.Value, reader);
    }

    private static void ReadTraining(WireReader reader, InspectionState state)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    GraphReader.Read(reader.Single("initialization", "GraphProto"), state, GraphPlace.Training, depth: 0);
                    break;
                case 2:
                    GraphReader.Read(reader.Single("algorithm", "GraphProto"), state, GraphPlace.Training, depth: 0);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadFunction(WireReader reader, InspectionState state)
    {
        state.CountEntry(reader);
        ReadOnlySpan<byte> name = default, domain = default, overload = default;
        var opsets = new List<OnnxOpset>();
        var nodesBefore = state.NodeCount;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.Name("name", state.Limits);
                    break;
                case 7:
                    NodeReader.Read(reader.Repeated("node", "NodeProto"), state, GraphPlace.Function, depth: 0);
                    break;
                case 9:
                    opsets.Add(ReadOpset(reader.Repeated("opset_import", "OperatorSetIdProto"), state));
                    break;
                case 10:
                    domain = reader.Name("domain", state.Limits);
                    break;
                case 11:
                    NodeReader.ReadAttribute(reader.Repeated("attribute_proto", "AttributeProto"), state, GraphPlace.Function, depth: 0);
                    break;
                case 13:
                    overload = reader.Name("overload", state.Limits);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (name.IsEmpty)
            throw reader.Malformed("a function without a name", "a name");
        state.Functions.Add(new OnnxFunctionInfo(
            state.KeepDomain(domain, reader),
            state.Keep(name, reader),
            state.Keep(overload, reader),
            state.NodeCount - nodesBefore,
            opsets.AsReadOnly()));
    }

    private static OnnxValueInfo[] MarkDefaults(ReadOnlySpan<byte> model, InspectionState state, List<Range> initializers)
    {
        var initialized = new HashSet<string>();
        var inputs = state.Inputs.Select(static input => input.Name).ToHashSet();
        foreach (var place in initializers)
        {
            if (state.TryFind(model[place], out var name) && inputs.Contains(name))
                initialized.Add(name);
        }

        return [.. state.Inputs.Select(input => input with { HasDefault = initialized.Contains(input.Name) })];
    }
}
