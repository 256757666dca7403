using System.Text;
using Xunit;
using static MlServe.Onnx.Inspection.Models;

namespace MlServe.Onnx.Inspection;

public class MalformedModelTests
{
    [Fact]
    public void Inspect_NoBytes_IsEmpty()
    {
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect([]));
        Assert.Equal(ModelLoadFailure.Empty, refusal.Failure);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Inspect_Malformed_SaysWhereAndWhat(string message, byte[] model)
    {
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(model));
        Assert.Equal(ModelLoadFailure.Malformed, refusal.Failure);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("export or download it again", refusal.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Cases() => new()
    {
        // Not a model.
        { "at byte 8, in ModelProto, found the end without ir_version", new WireWriter().Message(8, Opset("", 17)).Message(7, _ => { }) },
        { "the end with ir_version 0", new WireWriter().Int(1, 0).Message(8, Opset("", 17)).Message(7, _ => { }) },
        { "the end with ir_version -1", new WireWriter().Int(1, -1).Message(8, Opset("", 17)).Message(7, _ => { }) },
        { "the end without graph", Envelope() },
        { "the end without opset_import", new WireWriter().Int(1, 8).Message(7, _ => { }) },

        // Tags.
        { "at byte 8, in ModelProto, found field number 0", Envelope().Raw(0x02, 0x00) },
        { "found field number 536870912", Envelope().Tag(536870912, 0).Varint(1) },
        { "field 3 as a group (wire type 3)", Envelope().Raw(0x1B, 0x1C) },
        { "field 3 as a group (wire type 4)", Envelope().Raw(0x1C) },
        { "field 3 with wire type 6", Envelope().Raw(0x1E) },
        { "field 3 with wire type 7", Envelope().Raw(0x1F) },

        // Wire types of known fields.
        { "ir_version (field 1) with wire type 2 (LengthDelimited); expected wire type 0 (Varint)", new WireWriter().Text(1, "8") },
        { "graph (field 7) with wire type 0", Envelope().Int(7, 1) },
        { "graph (field 7) with wire type 5", Envelope().Float(7, 1) },
        { "op_type (field 4) with wire type 0", WithGraph(g => g.Message(1, n => n.Int(4, 1))) },
        { "float_data (field 4) with wire type 1", WithInitializer(t => t.Double(4, 1)) },
        { "int64_data (field 7) with wire type 5", WithInitializer(t => t.Float(7, 1)) },
        { "data_type (field 2) with wire type 2", WithInitializer(t => t.Text(2, "float")) },
        { "opaque_type (field 7) with wire type 0", WithInput(t => t.Int(7, 1)) },

        // Tensors that claim more than they have: the runtime makes room for what they claim.
        { "a tensor of [9223372036854775807] with 4 bytes of elements",
            WithInitializer(t => t.Int(1, long.MaxValue).Int(2, 1).Bytes(9, 1, 2, 3, 4)) },
        { "a tensor of [100000,100000] with 0 bytes of elements", WithInitializer(t => t.PackedInts(1, 100_000, 100_000).Int(2, 9)) },
        { "a tensor of [40000] with 2 bytes of elements; expected the 40000 bytes",
            WithInitializer(t => t.Int(1, 40_000).Int(2, 2).PackedInts(5, 1, 2)) },
        { "a tensor of [4096,4096] with 8 bytes of elements",
            WithAttribute(a => a.Message(5, t => t.PackedInts(1, 4096, 4096).Int(2, 11).Double(10, 1))) },
        { "a tensor of [1000] with 8 bytes of elements", WithInitializer(t => t.Int(1, 1000).Int(2, 8).Bytes(6, 1)) },
        { "a tensor with the dimension -5", WithInitializer(t => t.Int(1, -5).Int(2, 1)) },
        { "a tensor of more than 64 dimensions", WithInitializer(t => t.PackedInts(1, [.. Enumerable.Repeat(1L, 65)]).Int(2, 1)) },

        // Integers.
        {
            "ir_version with an integer over 64 bits",
            new WireWriter().Raw(0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02)
        },
        {
            "ir_version with an integer over 10 bytes",
            new WireWriter().Raw(0x08).Raw(Enumerable.Repeat((byte)0x80, 10).ToArray()).Raw(0x00)
        },
        { "the end of ModelProto inside ir_version", new WireWriter().Raw(0x08, 0x80) },
        { "the end of ModelProto inside a field's tag", Envelope().Raw(0x80) },
        { "int64_data with an unfinished or overlong integer", WithInitializer(t => t.Bytes(7, 0x01, 0x80)) },
        { "ints with an unfinished or overlong integer", WithAttribute(a => a.Bytes(8, [.. Enumerable.Repeat((byte)0x80, 10), 0x00])) },

        // Lengths.
        {
            "graph (field 7) that claims 100 bytes; expected at most the 2 bytes that are left in ModelProto",
            Envelope().Tag(7, 2).Varint(100).Raw(0, 0)
        },
        { "that claims 18446744073709551615 bytes", Envelope().Tag(7, 2).Varint(ulong.MaxValue) },
        { "that claims 9223372036854775808 bytes", Envelope().Tag(7, 2).Varint(1UL << 63) },
        { "that claims 4294967300 bytes", Envelope().Tag(7, 2).Varint((1UL << 32) + 4).Raw(0, 0, 0, 0) },
        { "raw_data (field 9) that claims 2147483647 bytes", WithInitializer(t => t.Tag(9, 2).Varint(int.MaxValue)) },
        { "a value (field 99) that claims 5 bytes", Envelope().Tag(99, 2).Varint(5).Raw(1) },
        { "found 3 bytes of a value (field 99); expected 4 bytes", Envelope().Tag(99, 5).Raw(1, 2, 3) },
        { "found 7 bytes of a value (field 99); expected 8 bytes", Envelope().Tag(99, 1).Raw(1, 2, 3, 4, 5, 6, 7) },
        { "found 2 bytes of float_data (field 4); expected 4 bytes", WithInitializer(t => t.Tag(4, 5).Raw(1, 2)) },
        { "floats of 5 bytes; expected packed numbers of 4 bytes each", WithAttribute(a => a.Bytes(7, new byte[5])) },
        { "double_data of 12 bytes; expected packed numbers of 8 bytes each", WithInitializer(t => t.Bytes(10, new byte[12])) },

        // A child must not reach beyond its parent, though the file goes on.
        {
            "in NodeProto, found attribute (field 5) that claims 50 bytes",
            Envelope().Message(7, g => g.Message(1, n => n.Tag(5, 2).Varint(50))).Text(6, new string('d', 100))
        },

        // Text.
        { "op_type '\uFFFD(\uFFFD', which is not valid UTF-8", WithGraph(g => g.Message(1, n => n.Bytes(4, 0xC3, 0x28, 0xFF))) },
        { "producer_name", new WireWriter().Int(1, 8).Bytes(2, 0xFF) },
        { "name 'a\uFFFD', which is not valid UTF-8", Envelope().Message(25, f => f.Bytes(1, (byte)'a', 0x80)) },
        { "dim_param", WithInput(t => t.Message(1, b => b.Message(2, s => s.Message(1, d => d.Bytes(2, 0xED, 0xA0, 0x80))))) },
        { "key", Envelope().Message(14, e => e.Bytes(1, 0xFE)) },
        { "value", Envelope().Message(14, e => e.Bytes(2, 0xFE)) },

        // What may stand once.
        {
            "graph (field 7) a second time; expected it once, as protobuf would merge the two",
            Envelope().Message(7, _ => { }).Message(7, _ => { })
        },
        { "t (field 5) a second time", WithAttribute(a => a.Message(5, _ => { }).Message(5, _ => { })) },
        { "g (field 6) a second time", WithAttribute(a => a.Message(6, _ => { }).Message(6, _ => { })) },
        { "values (field 1) a second time", WithGraph(g => g.Message(15, s => s.Message(1, _ => { }).Message(1, _ => { }))) },
        { "type (field 2) a second time", WithGraph(g => g.Message(11, v => v.Message(2, _ => { }).Message(2, _ => { }))) },
        { "a second kind of value (field 4)", WithInput(t => t.Message(1, TensorBody(1)).Message(4, _ => { })) },

        // What must be there.
        { "a node without op_type", WithGraph(g => g.Message(1, n => n.Text(1, "x"))) },
        { "a function without a name", Envelope().Message(7, _ => { }).Message(25, f => f.Text(10, "local")) },
        { "external tensor 'w' without a location", WithInitializer(ExternalTensor("w", null, "0", "4")) },
        {
            "external tensor 'w' at an address in memory, '*/_ORT_MEM_ADDR_/*'",
            WithInitializer(ExternalTensor("w", "*/_ORT_MEM_ADDR_/*", "4096", "16"))
        },
        { "offset '-4' of external tensor 'w'", WithInitializer(ExternalTensor("w", "f", "-4")) },
        { "offset '4x' of external tensor 'w'", WithInitializer(ExternalTensor("w", "f", "4x")) },
        { "length '99999999999999999999' of external tensor 'w'", WithInitializer(ExternalTensor("w", "f", "0", "99999999999999999999")) },
    };

    [Fact]
    public void Inspect_HostileText_IsQuotedShortAndOnOneLine()
    {
        var name = "a\nERROR forged\u2028\u0085" + new string('x', 5000);
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(WithInitializer(ExternalTensor(name, null))));
        Assert.True(refusal.Message.Length < 500);
        Assert.DoesNotContain(refusal.Message, c => char.IsControl(c) || c == '\u2028');
        Assert.Contains("'a.ERROR forged..", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_EveryTruncation_IsRefusedOrWhole()
    {
        var model = Rich();
        var required = Encoding.UTF8.GetBytes("ai.onnx.ml");
        var opsetsEnd = model.AsSpan().LastIndexOf(required) + required.Length;
        for (var length = 1; length < model.Length; length++)
        {
            try
            {
                OnnxInspector.Inspect(model.AsSpan(0, length));
                // Whatever stands after the operator sets is optional, so a cut between two such fields leaves a whole model.
                Assert.True(length > model.AsSpan().IndexOf("documentation"u8));
            }
            catch (ModelLoadException refusal)
            {
                Assert.Equal(ModelLoadFailure.Malformed, refusal.Failure);
            }
        }
    }
}
