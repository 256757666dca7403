using MlServe.Cases;
using Xunit;

namespace MlServe;

/// <summary>
/// Outputs that have no value. The runtime's own C# API ends the process at the first of them: these tests fail by a crash.
/// </summary>
public class OptionalOutputTests
{
    [Fact]
    public async Task Predict_OptionalWithoutValue_IsAbsent()
    {
        await using var served = await Served.LoadAsync(ModelOf("test_if_opt"));
        for (var run = 0; run < 3; run++)
        {
            using var without = await served.PredictAsync(PredictionInputs.Row(PredictionInput.Scalar("cond", true)));
            Assert.Equal(ValueKind.Optional, without.EnsureOk()["sequence"].Kind);
            Assert.Equal(0, without["sequence"].Length);

            using var with = await served.PredictAsync(PredictionInputs.Row(PredictionInput.Scalar("cond", false)));
            Assert.Equal(ValueKind.Sequence, with.EnsureOk()["sequence"].Kind);
        }
    }

    [Fact]
    public async Task Predict_OptionalWithoutValueBesideATensor_AnswersTheTensor()
    {
        await using var served = await Served.LoadAsync(WithSecondOutput(ModelOf("test_if_opt")));
        using var prediction = await served.PredictAsync(PredictionInputs.Row(PredictionInput.Scalar("cond", true)));
        Assert.Equal(ValueKind.Optional, prediction.EnsureOk()["sequence"].Kind);
        Assert.False(prediction["not"].ToScalar<bool>());
    }

    /// <summary>The model says that its output is a sequence, and hands its absent input on where its loop does not run.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(-3, true)]
    [InlineData(1, false)]
    [InlineData(7, true)]
    public async Task Predict_AbsentInputComesOutAgain_IsAbsentAndTheProcessGoesOn(long trips, bool isSaid)
    {
        await using var served = await Served.LoadAsync(ModelOf("test_loop16_seq_none"));
        PredictionInput[] inputs = [PredictionInput.Scalar("trip_count", trips), PredictionInput.Scalar("cond", true)];
        using var answer = await served.PredictAsync(PredictionInputs.Row(isSaid
            ? [.. inputs, PredictionInput.Absent("opt_seq")]
            : inputs));
        Assert.Equal(trips > 0 ? ValueKind.Sequence : ValueKind.Optional, answer.EnsureOk()["seq_res"].Kind);

        // The first trip begins a sequence in place of the one that is absent.
        Assert.Equal(trips > 0 ? trips + 1 : 0, answer["seq_res"].Length);
    }

    private static byte[] ModelOf(string name) => ConformanceCases.Read("node").First(test => test.Name == name).Model;

    /// <summary>Adds a node and an output, not(cond), at the end of the graph.</summary>
    private static byte[] WithSecondOutput(byte[] model)
    {
        // NodeProto: input 1, output 2, op_type 4; ValueInfoProto: name 1, type 2 with a tensor_type 1 of elem_type 1 (bool, 9) and shape
        // 2.
        var node = Field(1, [.. Field(1, "cond"u8), .. Field(2, "not"u8), .. Field(4, "Not"u8)]);
        var output = Field(12, [.. Field(1, "not"u8), .. Field(2, Field(1, [0x08, 9, .. Field(2, [])]))]);
        var result = new List<byte>();
        for (var field = new ProtoFields(model); field.Next();)
        {
            if (field.Number == 1) result.AddRange([0x08, (byte)field.Value]);
            if (field.Number == 7) result.AddRange(Field(7, [.. field.Bytes, .. node, .. output]));
            if (field.Number == 8) result.AddRange(Field(8, field.Bytes));
        }

        return [.. result];
    }

    /// <summary>A field of a protobuf message with up to 16,383 bytes.</summary>
    private static byte[] Field(int number, ReadOnlySpan<byte> content) => content.Length < 0x80
        ? [(byte)((number << 3) | 2), (byte)content.Length, .. content]
        : [(byte)((number << 3) | 2), (byte)(content.Length | 0x80), (byte)(content.Length >> 7), .. content];
}
