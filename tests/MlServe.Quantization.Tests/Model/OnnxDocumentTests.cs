using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using Xunit;

namespace MlServe.Quantization.Model;

public class OnnxDocumentTests
{
    [Fact]
    public void ToBytes_EveryRealModel_IsTheSameByteForByte()
    {
        var root = SharedData.PathOf("");
        foreach (var path in SharedData.Models())
        {
            var bytes = File.ReadAllBytes(Path.Combine(root, path));
            var document = OnnxDocument.Read(new(bytes, path));
            Assert.True(document.ToBytes(document.Model).Span.SequenceEqual(bytes), path);

            // ML.NET packs the numbers of attributes and shapes, which the format's own schema does not: the same model in other bytes.
            if (!path.EndsWith("mlnet_breastcancer_lr.onnx", StringComparison.Ordinal))
                Assert.True(bytes.AsSpan().SequenceEqual(OnnxFile.ToBytes(document.Model)), path);
        }
    }

    [Fact]
    public void ToBytes_EveryConformanceCase_IsTheSameByteForByte()
    {
        var count = 0;
        foreach (var test in ConformanceModels.All())
        {
            var document = OnnxDocument.Read(new(test.Model, test.Name));
            Assert.True(test.Model.AsSpan().SequenceEqual(OnnxFile.ToBytes(document.Model)), test.Name);
            count++;
        }

        Assert.Equal(1345, count);
    }

    [Fact]
    public void ToBytes_SampleModels_AreTheSameByteForByte()
    {
        foreach (var path in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "assets"), "*.onnx"))
        {
            var bytes = File.ReadAllBytes(path);
            Assert.True(bytes.AsSpan().SequenceEqual(OnnxFile.ToBytes(OnnxDocument.Read(new(bytes, path)).Model)), path);
        }
    }

    [Fact]
    public void Read_FieldsOfANewerFormat_SurviveWriting()
    {
        byte[] unknown = [0xF2, 0x3E, 0x03, 1, 2, 3];
        byte[] model = [.. File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "assets", "digits-small.onnx")), .. unknown];
        Assert.True(model.AsSpan().SequenceEqual(OnnxFile.ToBytes(OnnxDocument.Read(new(model, "test")).Model)));
    }

    [Fact]
    public void Read_NoGraph_SaysSo()
    {
        var model = new ModelProto { IrVersion = 8 };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        var exception = Assert.ThrowsAny<MlServeException>(() => OnnxDocument.Read(new(OnnxFile.ToBytes(model), "empty.onnx")));
        Assert.Contains("graph", exception.Message, StringComparison.OrdinalIgnoreCase);
    }
}
