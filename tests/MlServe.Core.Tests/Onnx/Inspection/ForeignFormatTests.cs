using System.IO.Compression;
using System.Text;
using Xunit;
using static MlServe.Onnx.Inspection.Models;

namespace MlServe.Onnx.Inspection;

public class ForeignFormatTests
{
    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n", "git lfs pull")]
    [InlineData("<!DOCTYPE html><html><head><title>Sign in</title></head></html>", "HTML or XML page")]
    [InlineData("\uFEFF\r\n  <?xml version=\"1.0\"?><net name=\"model\"/>", "HTML or XML page")]
    [InlineData("{\"error\": \"Repository not found\"}", "it is JSON")]
    [InlineData("[1, 2, 3]", "it is JSON")]
    [InlineData("Not Found", "a text file that begins with 'Not Found'")]
    [InlineData("ir_version: 8\nproducer_name: \"text\"\n", "a text file that begins with 'ir_version: 8.producer_name")]
    [InlineData("Modèle introuvable", "a text file that begins with 'Modèle introuvable'")]
    [InlineData("a", "a text file that begins with 'a'")]
    public void Inspect_Text_SaysWhatItIs(string text, string hint) => AssertForeign(Encoding.UTF8.GetBytes(text), hint);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Inspect_OtherFormat_SaysWhatItIs(string hint, byte[] file) => AssertForeign(file, hint);

    public static TheoryData<string, byte[]> Cases() => new()
    {
        { "ZIP archive", Zip() },
        { "Python pickle", [0x80, 0x04, 0x95, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x7D, 0x94, 0x2E] },
        { "Python pickle", [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E] },
        { "compressed file", Gzip(Rich()) },
        { "compressed file", [0x28, 0xB5, 0x2F, 0xFD, 0x24, 0x0A] },
        { "compressed file", Padded(300, 257, "ustar") },
        { "HDF5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0] },
        { "TensorFlow Lite", [0x1C, 0, 0, 0, (byte)'T', (byte)'F', (byte)'L', (byte)'3', 0, 0] },
        { "GGUF", [(byte)'G', (byte)'G', (byte)'U', (byte)'F', 3, 0, 0, 0] },
        { "safetensors", [.. BitConverter.GetBytes(40L), .. Encoding.ASCII.GetBytes("{\"weight\":{\"dtype\":\"F32\",\"shape\":[1]}} ")] },
        { "NumPy", [0x93, .. Encoding.ASCII.GetBytes("NUMPY"), 1, 0] },
        { "nothing but zeros", new byte[4096] },
        { "single tensor", new WireWriter().Int(1, 3).Int(1, 4).Int(2, 1).Bytes(9, new byte[48]) },
        { "SavedModel", new WireWriter().Int(1, 1).Message(2, m => m.Message(1, i => i.Text(3, "serve")).Bytes(2, new byte[40])) },
        {
            "GraphDef",
            new WireWriter().Message(1, n => n.Text(1, "x").Text(2, "Placeholder")).Message(1, n => n.Text(1, "y").Text(2, "Relu"))
        },
    };

    [Fact]
    public void Inspect_OrtFormat_IsRefusedWithHint()
    {
        byte[] model = [0x18, 0, 0, 0, .. Encoding.ASCII.GetBytes("ORTM"), .. new byte[64]];
        AssertForeign(model, "in ORT format");
    }

    [Fact]
    public void Inspect_ValidOnnxThatTheRuntimeWouldTakeForOrtFormat_IsRefused()
    {
        // ir_version 8, producer_name of four bytes: "ORTM" comes to stand at byte 4, where the runtime looks before it parses ONNX.
        byte[] model = new WireWriter().Int(1, 8).Text(2, "ORTM").Message(8, Opset("", 17)).Message(7, _ => { });
        Assert.Equal("ORTM", Encoding.ASCII.GetString(model, 4, 4));
        AssertForeign(model, "in ORT format");
    }

    [Fact]
    public void Inspect_ValidOnnxThatBeginsLikeSomethingElse_IsRead()
    {
        // Begins with a newline and printable text as a GraphDef or text file might: fields may come in any order.
        var info = OnnxInspector.Inspect(new WireWriter().Text(2, "text { here").Raw(Envelope().Message(7, _ => { })));
        Assert.Equal("text { here", info.ProducerName);
    }

    [Fact]
    public void Inspect_UnknownBinary_GetsNoWrongHint()
    {
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect([0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x10, 0x4A, 0x46]));
        Assert.Equal(ModelLoadFailure.Malformed, refusal.Failure);
        Assert.Contains("at byte 0", refusal.Message, StringComparison.Ordinal);
    }

    private static void AssertForeign(byte[] file, string hint)
    {
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(file));
        Assert.Equal(ModelLoadFailure.Malformed, refusal.Failure);
        Assert.Contains(hint, refusal.Message, StringComparison.Ordinal);
    }

    private static byte[] Padded(int length, int at, string mark)
    {
        var bytes = new byte[length];
        bytes[0] = (byte)'m';
        Encoding.ASCII.GetBytes(mark, bytes.AsSpan(at));
        return bytes;
    }

    private static byte[] Gzip(byte[] content)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
            gzip.Write(content);
        return stream.ToArray();
    }

    private static byte[] Zip()
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create))
        using (var entry = zip.CreateEntry("archive/data.pkl").Open())
            entry.Write("content"u8);
        return stream.ToArray();
    }
}
