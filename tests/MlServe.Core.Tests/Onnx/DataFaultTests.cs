using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Tests.Onnx;

/// <summary>
/// Faults of the data are the caller's, whatever code the operator gives them: the status says so, and a breaker does not count them.
/// </summary>
public sealed class DataFaultTests
{
    private static readonly float[] Table = [.. Enumerable.Range(0, 16).Select(static value => (float)value)];

    [Fact]
    public async Task Gather_IndexOutOfRange_IsInvalid() => await AssertInvalidAsync(
        Lookup("Gather", 16), PredictionInputs.Row(new long[] { 99 }), "idx=99");

    [Fact]
    public async Task GatherElements_IndexOutOfRange_IsInvalid() => await AssertInvalidAsync(
        Lookup("GatherElements", 16, 1), PredictionInputs.Row(new long[] { 99 }), "Out of range");

    [Fact]
    public async Task Cast_TextIsNoNumber_IsInvalid() => await AssertInvalidAsync(
        new OnnxModel().Input("x", OnnxModel.String, "batch", 1)
            .Output("y", OnnxModel.Float, "batch", 1)
            .Node("Cast", ["x"], ["y"], ("to", 1)),
        PredictionInputs.Row(new[] { "abc" }), "Cast");

    [Fact]
    public async Task Add_SizesDoNotFit_IsInvalid() => await AssertInvalidAsync(
        new OnnxModel().Input("x", OnnxModel.Float, "a")
            .Output("y", OnnxModel.Float, 16)
            .Initializer("t", Table, 16)
            .Node("Add", ["x", "t"], ["y"]),
        PredictionInputs.Rows(PredictionInput.Tensor("x", new float[3], [3])), "3 by 16");

    [Fact]
    public async Task MatMul_SizesDoNotFit_IsInvalid() => await AssertInvalidAsync(
        new OnnxModel().Input("x", OnnxModel.Float, "a", "b")
            .Output("y", OnnxModel.Float, "a", 1)
            .Initializer("t", Table, 16, 1)
            .Node("MatMul", ["x", "t"], ["y"]),
        PredictionInputs.Rows(PredictionInput.Tensor("x", new float[6], [2, 3])), "MatMul");

    [Fact]
    public async Task Reshape_SizesDoNotFit_IsInvalid() => await AssertInvalidAsync(
        new OnnxModel().Input("x", OnnxModel.Int64, 2)
            .Output("y", OnnxModel.Float, "a", "b")
            .Initializer("t", Table, 16)
            .Node("Reshape", ["t", "x"], ["y"]),
        PredictionInputs.Rows(PredictionInput.Tensor("x", new long[] { 3, 7 }, [2])), "reshaped");

    private static OnnxModel Lookup(string operation, params long[] tableShape) => new OnnxModel()
        .Input("x", OnnxModel.Int64, "batch", 1)
        .Output("y", OnnxModel.Float, "batch", 1)
        .Initializer("t", Table, tableShape)
        .Node(operation, ["t", "x"], ["y"]);

    private static async Task AssertInvalidAsync(OnnxModel model, PredictionInputs inputs, string expected)
    {
        await using var predictor = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(model.ToBytes()));

        using var answer = await predictor.PredictAsync(inputs);

        Assert.Equal(PredictionStatus.Invalid, answer.Status);
        Assert.Equal(PredictionErrorCode.RejectedByRuntime, answer.Error.Code);
        Assert.Contains(expected, answer.Error.Message, StringComparison.Ordinal);
    }
}
