using MlServe.Tensors;
using Xunit;

namespace MlServe.Models;

/// <summary>Every element type in and out, through ONNX Runtime's own models of the identity.</summary>
public class ElementTypeTests
{
    [Fact]
    public Task Float_InAndOut_IsTheSame() => AssertIdentity("FLOAT", 0f, float.Epsilon, float.MinValue, float.NaN, float.NegativeInfinity);

    [Fact]
    public Task Double_InAndOut_IsTheSame() =>
        AssertIdentity("DOUBLE", 0, double.Epsilon, double.MinValue, double.NaN, double.PositiveInfinity);

    [Fact]
    public Task Bool_InAndOut_IsTheSame() => AssertIdentity("BOOL", true, false, true, true, false);

    [Fact]
    public Task Int8_InAndOut_IsTheSame() => AssertIdentity<sbyte>("INT8", sbyte.MinValue, -1, 0, 1, sbyte.MaxValue);

    [Fact]
    public Task UInt8_InAndOut_IsTheSame() => AssertIdentity<byte>("UINT8", 0, 1, 127, 128, byte.MaxValue);

    [Fact]
    public Task Int16_InAndOut_IsTheSame() => AssertIdentity<short>("INT16", short.MinValue, -1, 0, 1, short.MaxValue);

    [Fact]
    public Task UInt16_InAndOut_IsTheSame() => AssertIdentity<ushort>("UINT16", 0, 1, 2, 32768, ushort.MaxValue);

    [Fact]
    public Task Int32_InAndOut_IsTheSame() => AssertIdentity("INT32", int.MinValue, -1, 0, 1, int.MaxValue);

    [Fact]
    public Task UInt32_InAndOut_IsTheSame() => AssertIdentity("UINT32", 0u, 1u, 2u, 1u << 31, uint.MaxValue);

    [Fact]
    public Task Int64_InAndOut_IsTheSame() => AssertIdentity("INT64", long.MinValue, -1, 0, 1, long.MaxValue);

    [Fact]
    public Task UInt64_InAndOut_IsTheSame() => AssertIdentity("UINT64", 0ul, 1ul, 2ul, 1ul << 63, ulong.MaxValue);

    [Fact]
    public Task String_InAndOut_IsTheSame() => AssertIdentity("STRING", "", "abc", "naïve café", "日本語", "𝄞 \n\0 end");

    [Fact]
    public async Task Float16_ImageNet_AnswersProbabilities()
    {
        await using var served = await Served.LoadAsync("models/image/squeezenet_fp16.onnx");
        var pixels = Enumerable.Range(0, 3 * 224 * 224).Select(static i => (Half)(i % 255)).ToArray();
        using var prediction = await served.PredictAsync(PredictionInputs.Row(pixels));
        Assert.Equal(ElementType.Float16, prediction.EnsureOk()[0].ElementType);
        Assert.Equal(1.0, prediction[0].ToArray<Half>().Sum(static value => (double)value), 0.01);
    }

    [Fact]
    public async Task SequenceOfMaps_WithIntegerKeys_IsRead()
    {
        await using var served = await Served.LoadAsync("models/ort-types/test_sequence_map_int_float.pb");
        using var prediction = await served.PredictAsync(PredictionInputs.Row([5.8f, 2.8f]));
        var map = AssertOneMap(prediction.EnsureOk()).ToDictionary<long, float>();
        Assert.Equal(1, map.Values.Sum(), 1e-4f);
        Assert.Equal(map.MaxBy(static entry => entry.Value).Key, prediction["label"].ToScalar<long>());
    }

    [Fact]
    public async Task SequenceOfMaps_WithStringKeys_IsRead()
    {
        await using var served = await Served.LoadAsync("models/ort-types/test_sequence_map_string_float.pb");
        using var prediction = await served.PredictAsync(PredictionInputs.Row([5.8f, 2.8f]));
        var map = AssertOneMap(prediction.EnsureOk()).ToDictionary<string, float>();
        Assert.Equal(1, map.Values.Sum(), 1e-4f);
        Assert.Equal(map.MaxBy(static entry => entry.Value).Key, prediction["label"].ToScalar<string>());
    }

    private static PredictionOutput AssertOneMap(Prediction prediction)
    {
        var sequence = prediction["probabilities"];
        Assert.Equal((ValueKind.Sequence, 1), (sequence.Kind, sequence.Length));
        Assert.Equal(ValueKind.Map, sequence[0].Kind);
        return sequence[0];
    }

    private static async Task AssertIdentity<T>(string type, params T[] values)
    {
        await using var served = await Served.LoadAsync($"models/ort-types/test_types_{type}.pb");
        for (var run = 0; run < 2; run++)
        {
            using var prediction = await served.PredictAsync(PredictionInputs.Row(values));
            var output = prediction.EnsureOk()[0];
            Assert.Equal([1, 5], output.Shape.ToArray());
            Assert.Equal(values, output.ToArray<T>());
        }
    }
}
