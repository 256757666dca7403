using MlServe.Cases;
using Xunit;

namespace MlServe;

/// <summary>Sequences that cannot be right are refused before the runtime takes their shapes at their word.</summary>
public class SequenceInputTests
{
    [Fact]
    public async Task Predict_SequenceOfTensors_IsTheSame()
    {
        await using var served = await LoadIdentityAsync();
        using var prediction = await served.PredictAsync(Sequence(
            served, PredictionInput.Tensor("", [1f, 2f, 3f, 4f, 5f], [1, 1, 5, 1]), PredictionInput.Tensor("", [6f], [1, 1, 1, 1])));
        Assert.Equal(2, prediction.EnsureOk()[0].Length);
        Assert.Equal([1f, 2f, 3f, 4f, 5f], prediction[0][0].ToArray<float>());
        Assert.Equal([1, 1, 1, 1], prediction[0][1].Shape.ToArray());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(100_000)]
    [InlineData(-1)]
    public async Task Predict_ElementWhoseShapeIsAnotherSize_IsInvalid(long size)
    {
        await using var served = await LoadIdentityAsync();
        await AssertInvalidAsync(served, PredictionErrorCode.InputLengthMismatch, PredictionInput.Tensor("", [1f, 2f, 3f], [size]));
    }

    [Fact]
    public async Task Predict_NoElements_IsInvalid()
    {
        await using var served = await LoadIdentityAsync();
        await AssertInvalidAsync(served, PredictionErrorCode.InputLengthMismatch);
    }

    [Fact]
    public async Task Predict_AbsentElement_IsInvalid()
    {
        await using var served = await LoadIdentityAsync();
        await AssertInvalidAsync(served, PredictionErrorCode.InputKindMismatch, PredictionInput.Absent(""));
    }

    [Fact]
    public async Task Predict_ElementOfAnotherType_IsInvalid()
    {
        await using var served = await LoadIdentityAsync();
        await AssertInvalidAsync(served, PredictionErrorCode.RejectedByRuntime, PredictionInput.Tensor("", [1L], [1]));
        await AssertInvalidAsync(served, PredictionErrorCode.NullElement, PredictionInput.Tensor("", ["a", null!], [2]));
    }

    [Fact]
    public async Task Predict_MoreBytesThanAllowed_IsTooLarge()
    {
        await using var served = await Served.LoadAsync(IdentityModel(), static options => options.MaxRequestBytes = 100);
        using var prediction = await served.PredictAsync(Sequence(
            served, PredictionInput.Tensor("", new float[20], [20]), PredictionInput.Tensor("", new float[20], [20])));
        Assert.Equal(PredictionStatus.TooLarge, prediction.Status);
    }

    private static async Task AssertInvalidAsync(Served served, PredictionErrorCode code, params PredictionInput[] elements)
    {
        using var prediction = await served.PredictAsync(Sequence(served, elements));
        Assert.Equal((PredictionStatus.Invalid, code), (prediction.Status, prediction.Error.Code));
    }

    private static PredictionInputs Sequence(Served served, params PredictionInput[] elements) =>
        PredictionInputs.Rows(PredictionInput.SequenceOf(served.Signature.Inputs[0].Name, elements));

    private static Task<Served> LoadIdentityAsync() => Served.LoadAsync(IdentityModel());

    private static byte[] IdentityModel() =>
        ConformanceCases.Read("node").First(static test => test.Name == "test_identity_sequence").Model;
}
