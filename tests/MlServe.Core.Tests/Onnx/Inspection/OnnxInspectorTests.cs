using Xunit;
using static MlServe.Onnx.Inspection.Models;

namespace MlServe.Onnx.Inspection;

public class OnnxInspectorTests
{
    private static readonly OnnxModelInfo Info = OnnxInspector.Inspect(Rich());

    [Fact]
    public void Inspect_RichModel_ReadsHeader()
    {
        Assert.Equal(10, Info.IrVersion);
        Assert.Equal("hand", Info.ProducerName);
        Assert.Equal("1.0", Info.ProducerVersion);
        Assert.Equal("org.example", Info.Domain);
        Assert.Equal(3, Info.ModelVersion);
        Assert.Equal("main", Info.GraphName);
        Assert.Equal([new OnnxOpset("ai.onnx", 17), new OnnxOpset("ai.onnx.ml", 3)], Info.Opsets);
        Assert.Equal("hand", Assert.Single(Info.Metadata, pair => pair.Key == "author").Value);
        Assert.True(Info.HasTrainingInfo);
    }

    [Fact]
    public void Inspect_RichModel_TellsOperatorsApartByPlace()
    {
        Assert.Contains(new OnnxOperatorUse("ai.onnx", "Relu", 2, 1, 1, 0), Info.Operators);
        Assert.Contains(new OnnxOperatorUse("ai.onnx", "If", 1, 0, 1, 0), Info.Operators);
        Assert.Contains(new OnnxOperatorUse("ai.onnx", "Sin", 0, 1, 0, 0), Info.Operators);
        Assert.Contains(new OnnxOperatorUse("ai.onnx.ml", "Trees", 1, 0, 0, 0), Info.Operators);
        Assert.Contains(new OnnxOperatorUse("ai.onnx.preview.training", "Adam", 0, 0, 0, 1), Info.Operators);
        Assert.Equal(4, Info.Operators[0].Count);
        Assert.Equal(13, Info.NodeCount);
    }

    [Theory]
    [InlineData("", "Conv", true)]
    [InlineData("ai.onnx", "Sin", true)]
    [InlineData("ai.onnx", "ReduceMean", true)]
    [InlineData("ai.onnx.ml", "Trees", true)]
    [InlineData("local", "Norm", true)]
    [InlineData("", "Trees", false)]
    [InlineData("", "conv", false)]
    [InlineData("ai.onnx.preview.training", "Adam", false)]
    public void ContainsOperator_AnyPlaceButTraining_IsFound(string domain, string opType, bool expected) =>
        Assert.Equal(expected, Info.ContainsOperator(domain, opType));

    [Fact]
    public void ContainsOperator_Null_Throws()
    {
        Assert.Throws<ArgumentNullException>("domain", () => Info.ContainsOperator(null!, "Conv"));
        Assert.Throws<ArgumentNullException>("opType", () => Info.ContainsOperator("", null!));
    }

    [Fact]
    public void Inspect_RichModel_ListsFunctions()
    {
        var function = Assert.Single(Info.Functions);
        Assert.Equal(("local", "Norm", "", 3L), (function.Domain, function.Name, function.Overload, function.NodeCount));
        Assert.Equal([new OnnxOpset("ai.onnx", 18)], function.Opsets);
    }

    [Fact]
    public void Inspect_RichModel_CountsTensorsByType()
    {
        Assert.Equal(
            [new OnnxTensorTotal(OnnxElementType.Float, 3, 28), new OnnxTensorTotal(OnnxElementType.Float16, 1, 6)], Info.Initializers);
        Assert.Equal([new OnnxTensorTotal(OnnxElementType.Double, 1, 32)], Info.SparseInitializers);
        Assert.Equal(
            [new OnnxTensorTotal(OnnxElementType.Float, 2, 4), new OnnxTensorTotal(OnnxElementType.Int64, 1, 16)], Info.Constants);
        Assert.Equal(66, Info.InitializerBytes);
        Assert.Equal(20, Info.ConstantBytes);
        Assert.Equal((4 * 8) + (2 * 4) + 3 + 1, Info.AttributeBytes);
    }

    [Fact]
    public void Inspect_RichModel_FindsExternalDataAnywhere() => Assert.Equal(
        [
            new OnnxExternalData("deep", "deep.bin", 8, 16),
            new OnnxExternalData("big", "big.bin", 0, null),
            new OnnxExternalData("seed", "seed.bin", 0, null),
        ],
        Info.ExternalData);

    [Fact]
    public void Inspect_RichModel_ReadsInputsAndOutputs()
    {
        Assert.Equal(
            ["x:tensor(float)[batch,3,?]:False", "w:tensor(float)[2,2]:True"],
            Info.Inputs.Select(i => $"{i.Name}:{i.Type}:{i.HasDefault}"));
        Assert.Equal(["y:seq(map(int64,tensor(float)[]))"], Info.Outputs.Select(o => $"{o.Name}:{o.Type}"));
    }

    [Theory]
    [MemberData(nameof(ExternalPlaces))]
    public void Inspect_ExternalDataInOnePlace_IsFound(string place, byte[] model) =>
        Assert.Equal(
            (place, "t", "data.bin"), OnnxInspector.Inspect(model).ExternalData.Select(d => (place, d.TensorName, d.Location)).Single());

    public static TheoryData<string, byte[]> ExternalPlaces()
    {
        var tensor = ExternalTensor("t", "data.bin");
        Action<WireWriter> initializer = graph => graph.Message(5, tensor);
        return new()
        {
            { "initializer", WithGraph(initializer) },
            { "sparse values", WithGraph(graph => graph.Message(15, s => s.Message(1, tensor))) },
            { "sparse indices", WithGraph(graph => graph.Message(15, s => s.Message(2, tensor))) },
            { "attribute t", WithAttribute(a => a.Message(5, tensor)) },
            { "attribute tensors", WithAttribute(a => a.Message(10, tensor)) },
            { "attribute sparse_tensor", WithAttribute(a => a.Message(22, s => s.Message(1, tensor))) },
            { "attribute sparse_tensors", WithAttribute(a => a.Message(23, s => s.Message(2, tensor))) },
            { "subgraph g", WithAttribute(a => a.Message(6, initializer)) },
            { "subgraphs", WithAttribute(a => a.Message(11, initializer)) },
            { "function node", With(25, f => f.Text(1, "F").Message(7, Node("Op", a => a.Message(5, tensor)))) },
            { "function default", With(25, f => f.Text(1, "F").Message(11, a => a.Message(5, tensor))) },
            { "training initialization", With(20, t => t.Message(1, initializer)) },
            { "training algorithm", With(20, t => t.Message(2, initializer)) },
        };

        static byte[] With(int field, Action<WireWriter> message) => Envelope().Message(7, _ => { }).Message(field, message);
    }

    [Fact]
    public void Inspect_ExternalEntriesWithDefaultLocation_AreNotReported()
    {
        // As a converter leaves behind that reads the data into the model.
        var info = OnnxInspector.Inspect(WithInitializer(
            t => t.Int(2, 1).Bytes(9, 0, 0, 0, 0).Message(13, Entry("location", "old.bin")).Int(14, 0)));
        Assert.Empty(info.ExternalData);
        Assert.Equal(4, info.InitializerBytes);
    }

    [Fact]
    public void Inspect_LocationGivenTwice_LastCounts()
    {
        var info = OnnxInspector.Inspect(WithInitializer(
            t => t.Message(13, Entry("location", "a")).Int(14, 1).Message(13, Entry("location", "../b"))));
        Assert.Equal("../b", Assert.Single(info.ExternalData).Location);
    }

    [Fact]
    public void Inspect_InitializerBeforeInput_GivesDefault()
    {
        var info = OnnxInspector.Inspect(WithGraph(g => g
            .Message(15, s => s.Message(1, v => v.Text(8, "s")))
            .Message(5, t => t.Text(8, "d"))
            .Message(11, Value("a", TensorType(1)))
            .Message(11, Value("d", TensorType(1)))
            .Message(11, Value("s", TensorType(1)))
            .Message(1, Node("If", a => a.Message(6, body => body.Message(5, t => t.Text(8, "a")))))));
        Assert.Equal([("a", false), ("d", true), ("s", true)], info.Inputs.Select(i => (i.Name, i.HasDefault)));
    }

    [Theory]
    [MemberData(nameof(TensorData))]
    public void Inspect_TypedField_CountsElementsAtTheirWidth(string field, Action<WireWriter> tensor, long expected) =>
        Assert.Equal((field, expected), (field, OnnxInspector.Inspect(WithInitializer(tensor)).InitializerBytes));

    public static TheoryData<string, Action<WireWriter>, long> TensorData() => new()
    {
        { "float_data, one by one", t => t.Int(2, 1).Float(4, 1).Float(4, 2), 8 },
        { "float_data, packed", t => t.Int(2, 1).Bytes(4, new byte[12]), 12 },
        { "int32_data of int32", t => t.Int(2, 6).PackedInts(5, 1, -1, 300), 12 },
        { "int32_data of int8", t => t.Int(2, 3).PackedInts(5, 1, -1, 3), 3 },
        { "int32_data of uint4, two to a byte", t => t.Int(2, 21).PackedInts(5, 0x21, 0x43), 2 },
        { "int32_data before its type", t => t.PackedInts(5, 1, 2).Int(2, 16), 4 },
        { "int32_data, one by one", t => t.Int(2, 5).Int(5, 1).Int(5, 2), 4 },
        { "string_data", t => t.Int(2, 8).Text(6, "abc").Text(6, "é"), 5 },
        { "int64_data", t => t.Int(2, 7).PackedInts(7, 1, -1), 16 },
        { "double_data", t => t.Int(2, 11).Double(10, 1).Bytes(10, new byte[16]), 24 },
        { "uint64_data of uint32", t => t.Int(2, 12).PackedInts(11, 1, 2), 8 },
        { "uint64_data of uint64", t => t.Int(2, 13).PackedInts(11, 1, 2), 16 },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void Inspect_InputType_IsReadWhole(Action<WireWriter> type, OnnxValueKind kind, string expected)
    {
        var input = Assert.Single(OnnxInspector.Inspect(WithInput(type)).Inputs);
        Assert.Equal((kind, expected), (input.Type.Kind, input.Type.ToString()));
    }

    public static TheoryData<Action<WireWriter>, OnnxValueKind, string> Types() => new()
    {
        { TensorType(1, "batch", 3, null), OnnxValueKind.Tensor, "tensor(float)[batch,3,?]" },
        { TensorType(7), OnnxValueKind.Tensor, "tensor(int64)[]" },
        { TensorType(10, -1, 0, ""), OnnxValueKind.Tensor, "tensor(float16)[?,0,?]" },
        { t => t.Message(1, body => body.Int(1, 17)), OnnxValueKind.Tensor, "tensor(float8e4m3fn)" },
        { t => t.Message(1, body => body.Int(1, 99)), OnnxValueKind.Tensor, "tensor(99)" },
        { t => t.Message(8, TensorBody(16, 2)), OnnxValueKind.SparseTensor, "sparse_tensor(bfloat16)[2]" },
        { t => t.Message(4, s => s.Message(1, TensorType(8, "n"))), OnnxValueKind.Sequence, "seq(tensor(string)[n])" },
        {
            t => t.Message(9, o => o.Message(1, e => e.Message(4, s => s.Message(1, TensorType(9))))),
            OnnxValueKind.Optional,
            "optional(seq(tensor(bool)[]))"
        },
        { t => t.Message(5, m => m.Int(1, 8).Message(2, TensorType(11))), OnnxValueKind.Map, "map(string,tensor(double)[])" },
        { t => t.Message(7, o => o.Text(1, "domain")), OnnxValueKind.Opaque, "opaque" },
        { t => t.Text(6, "IMAGE"), OnnxValueKind.Unknown, "unknown" },
    };

    [Fact]
    public void Inspect_PaddedVarint_IsAccepted()
    {
        // Some writers leave five bytes for a length and fill it in later: 80 80 80 80 00 is a legal zero.
        var info = OnnxInspector.Inspect(Envelope().Tag(7, 2).Raw(0x80, 0x80, 0x80, 0x80, 0x00));
        Assert.Equal(0, info.NodeCount);
    }

    [Fact]
    public void Inspect_MetadataKeyGivenTwice_LastCounts()
    {
        var info = OnnxInspector.Inspect(Envelope().Message(7, _ => { }).Message(14, Entry("k", "1")).Message(14, Entry("k", "2")));
        Assert.Equal("2", info.Metadata["k"]);
    }
}
