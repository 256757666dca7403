using CsCheck;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using Xunit;

namespace MlServe.Quantization.Model;

public class HostileModelTests
{
    private static byte[] Sample => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "assets", "digits-small.onnx"));

    [Fact]
    public void Read_CutShortAnywhere_IsRefusedOrRead()
    {
        var model = Sample;
        for (var length = 0; length < model.Length; length += Math.Max(1, model.Length / 2000))
            ReadOrRefuse(model[..length]);
    }

    [Fact]
    public void Read_BitsFlipped_IsRefusedOrRead()
    {
        var model = Sample;
        // The weights are most of the file and anything may stand in them; what is before and behind is what can be hostile.
        var near = Math.Min(1500, model.Length / 2);
        Gen.Select(Gen.Int[0, (near * 2) - 1], Gen.Int[0, 7], Gen.Int[0, (near * 2) - 1], Gen.Byte).Sample((at, bit, other, value) =>
        {
            var changed = model.ToArray();
            changed[Place(at)] ^= (byte)(1 << bit);
            changed[Place(other)] = value;
            ReadOrRefuse(changed);
        }, iter: 2000, threads: 1);

        int Place(int index) => index < near ? index : model.Length - (near * 2) + index;
    }

    [Fact]
    public void Read_SubgraphsDeeperThanAnyReader_AreRefused()
    {
        var graph = new GraphProto { Name = "inner" };
        for (var depth = 0; depth < 200; depth++)
        {
            var node = Nodes.Make(
                "If", ["c"], [$"o{depth}"], "",
                new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = graph });
            graph = new() { Name = "outer" };
            graph.Node.Add(node);
        }

        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        Assert.ThrowsAny<MlServeException>(() => OnnxDocument.Read(new(OnnxFile.ToBytes(model), "deep")));
    }

    private static void ReadOrRefuse(byte[] bytes)
    {
        try
        {
            var document = OnnxDocument.Read(new(bytes, "hostile"));
            _ = Preprocessor.Run(document.Model, new() { FoldConstants = false });
        }
        catch (MlServeException)
        {
        }
    }
}
