using System.Numerics.Tensors;
using MlServe.Tensors;
using Xunit;

namespace MlServe.Onnx;

/// <summary>A row is a row, whatever the trials at load have found of the model's axes.</summary>
public sealed class SampleRowsTests
{
    private static readonly float[] Values = [1, 2, 3, 4];

    public static TheoryData<string> Rows => ["flat", "shaped", "tensor", "named"];

    public static TheoryData<string> Samples => ["flat", "shaped", "tensor", "named", "two rows", "two rows by shape"];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Load_RightSamplesOfAModelThatMixesRows_LoadsAndNamesTheOperator(string form)
    {
        var options = new OnnxModelOptions();
        options.SampleInputs.Add(Make(form));

        using var predictor = Centered().Load(options);

        Assert.False(predictor.Signature.IsBatchable);
        Assert.Contains("ReduceMean", predictor.Signature.BatchingNote, StringComparison.Ordinal);
        Assert.Null(predictor.GetService<OnnxModelDescription>()!.WarmUpFailure);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void PredictAsync_RowOfAModelWithoutABatchAxis_RunsAsItsFirstAxis(string form)
    {
        using var predictor = Centered().Load();
        using var prediction = Ask.The(predictor, Make(form));
        Assert.Equal([1, 4], prediction.EnsureOk()["y"].Shape.ToArray());
        Assert.Equal([0, 0, 0, 0], prediction["y"].ToArray<float>());
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void PredictAsync_RowOfAModelOfOneRow_IsAnswered(string form)
    {
        using var predictor = TinyModels.FixedAffine().Load();
        using var prediction = Ask.The(predictor, Make(form));
        Assert.Equal([3, 5, 7, 9], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void PredictAsync_RowWhoseFirstAxisIsFixed_IsRefused()
    {
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, 2, 4)
            .Node("Neg", "x", "y")
            .Output("y", ElementType.Float, 2, 4)
            .Load();
        using var prediction = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor("x", Values, [4])));
        Assert.Equal(PredictionErrorCode.InputRankMismatch, prediction.Error!.Code);
    }

    [Fact]
    public void PredictAsync_RowOfAnotherLength_IsRefusedByItsAxis()
    {
        using var predictor = Centered().Load();
        using var prediction = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor("x", Values[..3], [3])));
        Assert.Equal(PredictionErrorCode.InputDimensionMismatch, prediction.Error!.Code);
    }

    [Fact]
    public void Load_SampleThatFitsInNoForm_SaysSo()
    {
        var options = new OnnxModelOptions();
        options.SampleInputs.Add(PredictionInputs.Row(new float[3]));
        var exception = Assert.Throws<ModelLoadException>(() => Centered().Load(options));
        Ask.Says(exception.Message, "SampleInputs", "3 elements");
    }

    /// <summary>Each row less the mean of all rows: none is what it is alone.</summary>
    private static TinyOnnx Centered() => new TinyOnnx().Input("x", ElementType.Float, "N", 4)
        .Node("ReduceMean", "x", "m", TinyOnnx.Ints("axes", 0), TinyOnnx.Int("keepdims", 1))
        .Node("Sub", "x m", "y").Output("y", ElementType.Float, "N", 4);

    private static PredictionInputs Make(string form) => form switch
    {
        "flat" => PredictionInputs.Row(Values),
        "shaped" => PredictionInputs.Row(PredictionInput.Tensor("x", Values, [4])),
        "tensor" => PredictionInputs.Row(PredictionInput.Tensor("x", Tensor.Create(Values, [4]))),
        "named" => PredictionInputs.Row(PredictionInput.Tensor("x", Values)),
        "two rows" => PredictionInputs.Rows(new float[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 2),
        _ => PredictionInputs.Rows(PredictionInput.Tensor("x", new float[] { 1, 2, 3, 4, 5, 6, 7, 8 }, [2, 4])),
    };
}
