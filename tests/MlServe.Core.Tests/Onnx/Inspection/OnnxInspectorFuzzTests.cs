using CsCheck;
using Xunit;

namespace MlServe.Onnx.Inspection;

/// <summary>
/// Whatever the bytes: an answer or a <see cref="ModelLoadException"/>, for memory in proportion to the bytes that are there.
/// </summary>
public class OnnxInspectorFuzzTests
{
    private static readonly string[] RealModels =
    [
        "models/tabular/iris_logreg_684B.onnx",
        "models/tabular/mlnet_breastcancer_lr.onnx",
        "models/quant-pairs/mnist5x5_int8_dyn.onnx",
        "models/ort-types/test_sequence_map_int_float.pb",
        "models/ort-types/test_types_STRING.pb",
    ];

    [Fact]
    public void Inspect_RandomBytes_IsRefusedOrRead() =>
        Gen.Byte.Array[1, 300].Sample(AssertSafe, iter: 50_000);

    [Fact]
    public void Inspect_RandomWireBytes_IsRefusedOrRead()
    {
        // Plain noise dies at its first tag. This noise keeps to the wire format: known fields, right lengths, random contents.
        var varint = Gen.OneOf(Gen.ULong[0, 300], Gen.ULong);
        var leaf = Gen.Byte.Array[0, 12];
        var scalar = Gen.Select(Gen.Int[1, 26], Gen.OneOf(0, 1, 2, 5), varint, leaf, static (field, wire, number, bytes) => wire switch
        {
            0 => new WireWriter().Tag(field, 0).Varint(number).ToArray(),
            1 => new WireWriter().Double(field, number).ToArray(),
            2 => new WireWriter().Bytes(field, bytes).ToArray(),
            _ => new WireWriter().Float(field, number).ToArray(),
        });
        var messageFields = Gen.OneOf(1, 2, 5, 6, 7, 8, 10, 11, 12, 15, 20, 22, 25);
        Gen<byte[]> Message(int depth)
        {
            if (depth == 0)
                return scalar;
            var nested = Gen.Select(messageFields, Message(depth - 1).Array[0, 4], static (field, parts) =>
                new WireWriter().Bytes(field, [.. parts.SelectMany(static part => part)]).ToArray());
            return Gen.Frequency((1, scalar), (2, nested));
        }

        Message(5).Array[1, 6].Sample(
            static fields => AssertSafe([.. Models.Envelope().ToArray(), .. fields.SelectMany(static field => field)]), iter: 20_000);
    }

    [Fact]
    public void Inspect_EveryBitFlipOfAHandWrittenModel_IsRefusedOrRead()
    {
        var model = Models.Rich();
        for (var bit = 0; bit < model.Length * 8; bit++)
        {
            model[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertSafe(model);
            model[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Inspect_EveryTruncationOfRealModels_IsRefusedOrRead()
    {
        foreach (var path in RealModels)
        {
            var model = File.ReadAllBytes(SharedData.PathOf(path));
            for (var length = 1; length < model.Length; length++)
                AssertSafe(model[..length]);
        }
    }

    [Fact]
    public void Inspect_RandomDamageToRealModels_IsRefusedOrRead()
    {
        foreach (var path in RealModels)
        {
            var model = File.ReadAllBytes(SharedData.PathOf(path));
            Gen.Select(Gen.Int[0, model.Length - 1], Gen.Byte).Array[1, 8].Sample(
                damages =>
                {
                    var copy = (byte[])model.Clone();
                    foreach (var (at, value) in damages)
                        copy[at] = value;
                    AssertSafe(copy);
                },
                iter: 5_000);
        }
    }

    [Fact]
    public void Inspect_ClaimsOfHugeContents_AllocateNothingOfIt()
    {
        byte[] model = Models.Envelope().Message(7, graph => graph
            .Message(5, tensor => tensor.PackedInts(1, long.MaxValue, long.MaxValue).Int(2, 1))
            .Message(11, Models.Value("x", Models.TensorType(1, long.MaxValue)))
            .Message(5, tensor => tensor.Tag(9, 2).Varint(int.MaxValue)));
        AssertSafe(model);
    }

    private static void AssertSafe(byte[] model)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            OnnxInspector.Inspect(model);
        }
        catch (ModelLoadException refusal)
        {
            Assert.NotEqual(ModelLoadFailure.Other, refusal.Failure);
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= 64 * 1024 + (100L * model.Length), $"{allocated} bytes were allocated for a model of {model.Length}.");
    }
}
