using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Sizes that follow from an axis which the file leaves open are the least that there can be: nothing is too small for them, and they do
/// not make what is too large vanish.
/// </summary>
public sealed class LeastSizesTests
{
    [Fact]
    public void Load_FirstAxisIsPadded_TakesWhatFits()
    {
        // Frames of sound as they come: four are added, and a window of five is moved over them.
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "frames", 8).Weight("pads", [2L, 0, 2, 0], 4)
            .Weight("axes", [0L], 1).Weight("w", new float[8 * 5], 1, 8, 5)
            .Node("Pad", "x pads", "p").Node("Transpose", "p", "t", TinyOnnx.Ints("perm", 1, 0)).Node("Unsqueeze", "t axes", "u")
            .Node("Conv", "u w", "y", TinyOnnx.Ints("kernel_shape", 5)).OutputOfAnyShape("y", ElementType.Float).Load();
        using var answer = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor("x", new float[24], [3, 8])));
        Assert.Equal([1, 1, 3], answer.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Load_FirstAxisIsJoined_TakesWhatFits()
    {
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "frames", 8).Weight("before", new float[32], 4, 8)
            .Weight("axes", [0L], 1).Weight("w", new float[8 * 5], 1, 8, 5)
            .Node("Concat", "before x", "p", TinyOnnx.Int("axis", 0)).Node("Transpose", "p", "t", TinyOnnx.Ints("perm", 1, 0))
            .Node("Unsqueeze", "t axes", "u").Node("Conv", "u w", "y", TinyOnnx.Ints("kernel_shape", 5))
            .OutputOfAnyShape("y", ElementType.Float).Load();
        using var answer = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor("x", new float[24], [3, 8])));
        Assert.Equal([1, 1, 3], answer.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Load_PartsFollowFromLeastSize_TakesWhatFits()
    {
        // The parts are 4 and the rest, which is at least -2.
        using var predictor = WithNumber().Weight("four", [4L], 1).Node("Sub", "n four", "rest")
            .Node("Concat", "four rest", "parts", TinyOnnx.Int("axis", 0))
            .Node("Split", "p parts", "a b", TinyOnnx.Int("axis", 1)).OutputOfAnyShape("b", ElementType.Float).Load();
        using var answer = Ask.The(predictor, Given(new float[40], 1, 5, 8));
        Assert.Equal([1, 3, 8], answer.EnsureOk()["b"].Shape.ToArray());
    }

    [Fact]
    public void Load_StepFollowsFromLeastSize_TakesWhatFits()
    {
        using var predictor = WithNumber().Weight("three", [3L], 1).Weight("none", [0L], 1).Weight("signal", new float[64], 1, 64, 1)
            .Weight("length", [16L])
            .Node("Sub", "n three", "s").Node("Squeeze", "s none", "step").Node("STFT", "signal step - length", "y")
            .OutputOfAnyShape("y", ElementType.Float).Load();
        using var answer = Ask.The(predictor, Given(new float[72], 1, 9, 8));
        Assert.Equal([1, 7, 9, 2], answer.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Load_StepOfScanIsOfLeastSize_TakesWhatFits()
    {
        var body = new TinyOnnx().InputOfAnyShape("e", ElementType.Float)
            .Weight("w", new float[2 * 5], 1, 2, 5)
            .Node("Conv", "e w", "c", TinyOnnx.Ints("kernel_shape", 5))
            .OutputOfAnyShape("c", ElementType.Float);
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, 3, 1, 2, "frames").Weight("pads", [0L, 0, 0, 2, 0, 0, 0, 2], 8)
            .Node("Pad", "x pads", "p")
            .Node("Scan", "p", "y", TinyOnnx.Int("num_scan_inputs", 1), TinyOnnx.Graph("body", body))
            .OutputOfAnyShape("y", ElementType.Float).Load();
        using var answer = Ask.The(predictor, Given(new float[18], 3, 1, 2, 3));
        Assert.Equal([3, 1, 1, 3], answer.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Inspect_DivisorFollowsFromLeastSize_GuardsAgainstTheSmallest()
    {
        // It is 1 where the size is the least, and -1 where it is larger.
        var model = WithNumber()
            .Input("a", ElementType.Int64, 2)
            .Weight("three", [3L], 1)
            .Node("Sub", "three n", "d")
            .Node("Div", "a d", "q")
            .OutputOfAnyShape("q", ElementType.Int64).ToArray();
        Assert.True(Assert.Single(OnnxInspector.Inspect(model).Guards).RefusesSmallest);
    }

    [Theory]
    [InlineData("Pad")]
    [InlineData("Resize")]
    [InlineData("Conv")]
    [InlineData("ConvTranspose")]
    public void Inspect_FreeAxisBecomesNothing_StillCountsWhatIsMadeOfIt(string operation)
    {
        // Of no rows a value of any size would take no memory.
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", 1, "h", "w").Weight("huge", [1L, 1, 1, 1, 1 << 20, 1 << 20], 6);
        model = operation switch
        {
            "Pad" => model.Weight("pads", [0L, 0, -1, -1, 0, 0, 0, 0], 8).Node("Pad", "x pads", "m"),
            "Resize" => model.Weight("scales", [1f, 1, 0.25f, 0.25f], 4).Node("Resize", "x - scales", "m"),
            _ =>
                model.Weight("k", new float[25], 1, 1, 5, 5)
                    .Node(operation, "x k", "m", TinyOnnx.Ints("pads", operation == "Conv" ? [1, 1, 1, 1] : [3, 3, 3, 3])),
        };
        var bytes = model.Node("Expand", "m huge", "y").OutputOfAnyShape("y", ElementType.Float).ToArray();
        Assert.Equal(ModelLoadFailure.TooLarge, Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(bytes)).Failure);
    }

    [Theory]
    [InlineData("LogSoftmax")]
    [InlineData("LpNormalization")]
    [InlineData("Sqrt")]
    [InlineData("Swish")]
    [InlineData("LayerNormalization")]
    [InlineData("SkipLayerNormalization")]
    [InlineData("FastGelu")]
    [InlineData("Normalizer")]
    [InlineData("Relu")]
    public void Inspect_OperatorKeepsTheShape_CountsWhatIsMadeOfIt(string operation)
    {
        var model = new TinyOnnx().Weight("w", new float[1024], 1024).Weight("times", [1L << 30], 1).Node(operation, "w", "m")
            .Node("Tile", "m times", "y").OutputOfAnyShape("y", ElementType.Float).ToArray();
        Assert.Equal(ModelLoadFailure.TooLarge, Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(model)).Failure);
    }

    /// <summary>
    /// Takes <c>x: float[1, frames, 8]</c>, pads it to at least two frames (<c>p</c>), and counts them (<c>n: int64[1]</c>).
    /// </summary>
    private static TinyOnnx WithNumber() =>
        new TinyOnnx().Input("x", ElementType.Float, 1, "frames", 8).Weight("pads", [0L, 1, 0, 0, 1, 0], 6).Weight("second", [1L], 1)
            .Node("Pad", "x pads", "p").Node("Shape", "p", "shape").Node("Gather", "shape second", "n");

    private static PredictionInputs Given(float[] values, params long[] shape) =>
        PredictionInputs.Row(PredictionInput.Tensor("x", values, shape));
}
