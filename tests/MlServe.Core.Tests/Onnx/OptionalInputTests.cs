using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Inputs that may be left out, beside inputs without a size of their own: one must not be taken for the other.</summary>
public sealed class OptionalInputTests
{
    /// <summary>y = x * scale + offset on [N]: the row of x is a single number, so that it adds no size to the shape of the lane.</summary>
    private static OnnxPredictor Load(OnnxModelOptions? options = null) => new TinyOnnx(irVersion: 8)
        .Input("x", ElementType.Float, "N").Input("scale", ElementType.Float).Input("offset", ElementType.Float)
        .Weight("scale", [2f]).Weight("offset", [1f])
        .Node("Mul", "x scale", "scaled").Node("Add", "scaled offset", "y")
        .Output("y", ElementType.Float, "N").Load(options ?? new() { BatchAxes = { ["x"] = 0 } });

    [Fact]
    public void PredictAsync_ScalarRowsAndAbsentOptionals_UsesTheDefaults()
    {
        using var predictor = Load();
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(new float[] { 1, 2, 3 }, 3));
        Assert.Equal([3, 5, 7], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void PredictAsync_OneOptionalOfTwo_IsNotTakenForTheOther()
    {
        using var predictor = Load();
        var x = PredictionInput.Tensor("x", new float[] { 1, 2, 3 }, [3]);
        for (var run = 0; run < 4; run++)
        {
            using var scaled = Ask.The(predictor, PredictionInputs.Rows(x, PredictionInput.Scalar("scale", 10f)));
            Assert.Equal([11, 21, 31], scaled.EnsureOk()["y"].ToArray<float>());
            using var moved = Ask.The(predictor, PredictionInputs.Rows(x, PredictionInput.Scalar("offset", 10f)));
            Assert.Equal([12, 14, 16], moved.EnsureOk()["y"].ToArray<float>());
            using var both = Ask.The(
                predictor, PredictionInputs.Rows(PredictionInput.Scalar("offset", 5f), x, PredictionInput.Scalar("scale", 3f)));
            Assert.Equal([8, 11, 14], both.EnsureOk()["y"].ToArray<float>());
            using var none = Ask.The(predictor, PredictionInputs.Rows(x, PredictionInput.Absent("scale")));
            Assert.Equal([3, 5, 7], none.EnsureOk()["y"].ToArray<float>());
        }
    }

    [Fact]
    public void PredictAsync_ModelWithoutInputs_IsAnswered()
    {
        using var predictor = new TinyOnnx().Weight("w", [1f, 2f], 2).Node("Neg", "w", "y").Output("y", ElementType.Float, 2).Load();
        using var prediction = Ask.The(predictor, default);
        Assert.Equal([-1, -2], prediction.EnsureOk()["y"].ToArray<float>());
        Ask.TheError(predictor, PredictionInputs.Row(new float[1]), PredictionErrorCode.InputUnknown);
    }

    [Fact]
    public void PredictAsync_InputOfAnyShape_TakesTheShapeOfTheRequest()
    {
        using var predictor = new TinyOnnx().InputOfAnyShape("x", ElementType.Float)
            .Node("Shape", "x", "y")
            .OutputOfAnyShape("y", ElementType.Int64)
            .Load();
        foreach (var shape in new long[][] { [], [1], [2, 3], [2, 0, 1], [1, 1, 1, 1, 1, 1, 2] })
        {
            var values = new float[shape.Aggregate(1L, static (a, b) => a * b)];
            using var prediction = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor("x", values, shape)));
            Assert.Equal(shape, prediction.EnsureOk()["y"].ToArray<long>());
        }

        using var flat = Ask.The(predictor, PredictionInputs.Row(new float[5]));
        Assert.Equal([5L], flat.EnsureOk()["y"].ToArray<long>());
    }
}
