using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>What a model is seen to take and to answer besides finite numbers, and who has the last word.</summary>
public sealed class FinitenessTrialsTests
{
    [Fact]
    public void Load_MissingValuesAreReplaced_TakesNaNAlone()
    {
        using var model = Imputing().Load();
        Assert.Equal(NonFiniteValues.NaN, model.Signature.Inputs[0].NonFiniteValues);
        using var answer = Ask.The(model, PredictionInputs.Row([1f, float.NaN, 3f, float.NaN]));
        Assert.Equal([2f, 0f, 6f, 0f], answer.EnsureOk()["y"].ToArray<float>());
        Ask.TheError(model, PredictionInputs.Row([1f, float.PositiveInfinity, 3f, 4f]), PredictionErrorCode.InputNotFinite);
    }

    [Fact]
    public void Load_MaskIsAdded_TakesNegativeInfinityThereAndNowhereElse()
    {
        using var model = Masked().Load();
        Assert.Equal(NonFiniteValues.None, InputOf(model, "scores").NonFiniteValues & ~NonFiniteValues.NegativeInfinity);
        Assert.Equal(NonFiniteValues.NegativeInfinity, InputOf(model, "mask").NonFiniteValues);
        using var answer = Ask.The(model, Row([1f, 1f, 1f, 1f], [0f, float.NegativeInfinity, 0f, float.NegativeInfinity]));
        Assert.Equal([0.5f, 0f, 0.5f, 0f], answer.EnsureOk()["y"].ToArray<float>());
        Ask.TheError(model, Row([1f, 1f, 1f, 1f], [0f, float.NaN, 0f, 0f]), PredictionErrorCode.InputNotFinite);
        Ask.TheError(model, Row([float.NaN, 1f, 1f, 1f], [0f, 0f, 0f, 0f]), PredictionErrorCode.InputNotFinite);
    }

    [Fact]
    public void Load_ValuesAreClipped_TakesInfinitiesAndNoNaN()
    {
        using var model = new TinyOnnx().Input("x", ElementType.Float, "N", 4)
            .Node("Sigmoid", "x", "y")
            .Output("y", ElementType.Float, "N", 4)
            .Load();
        Assert.Equal(NonFiniteValues.PositiveInfinity | NonFiniteValues.NegativeInfinity, model.Signature.Inputs[0].NonFiniteValues);
        Ask.The(model, PredictionInputs.Row([1f, float.PositiveInfinity, float.NegativeInfinity, 0f])).EnsureOk().Dispose();
    }

    /// <summary>
    /// Of each position some model is blind for: what is swallowed at one place, or by one element of a window, is not taken everywhere.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(9)]
    public void Load_OneElementMatters_IsSeenWhereverItStands(int width)
    {
        for (var place = 0; place < width; place++)
        {
            using var model = LookingAt(place, width).Load();
            Assert.Equal((place, NonFiniteValues.None), (place, model.Signature.Inputs[0].NonFiniteValues));
        }
    }

    [Fact]
    public void Load_AnswersAreLabels_ShowNothingSoThatFiniteNumbersAreDemanded()
    {
        using var model = new TinyOnnx().Input("x", ElementType.Float, "N", 4)
            .Node("ArgMax", "x", "y", TinyOnnx.Int("axis", 1), TinyOnnx.Int("keepdims", 1))
            .Output("y", ElementType.Int64, "N", 1).Load();
        Ask.TheError(model, PredictionInputs.Row([1f, float.NaN, 3f, 4f]), PredictionErrorCode.InputNotFinite);
    }

    [Theory]
    [InlineData("x", NonFiniteValues.None, false, false)]
    [InlineData("x", NonFiniteValues.NegativeInfinity, false, true)]
    [InlineData("*", NonFiniteValues.None, false, false)]
    [InlineData("*", NonFiniteValues.All, true, true)]
    public void Load_OptionStatesIt_HasTheLastWordOverTheTrial(string name, NonFiniteValues values, bool takesNaN, bool takesInfinity)
    {
        using var model = Imputing().Load(new() { NonFiniteInputs = { [name] = values } });
        Assert.Equal(takesNaN, Ask.The(model, PredictionInputs.Row([float.NaN, 0, 0, 0])).IsOk);
        Assert.Equal(takesInfinity, Ask.The(model, PredictionInputs.Row([float.NegativeInfinity, 0, 0, 0])).IsOk);
    }

    [Fact]
    public void Load_OneInputIsNamed_TheOthersAreTriedOrAsTheStarSays()
    {
        using var tried = Masked().Load(new() { NonFiniteInputs = { ["scores"] = NonFiniteValues.NaN } });
        Assert.Equal(
            (NonFiniteValues.NaN, NonFiniteValues.NegativeInfinity),
            (InputOf(tried, "scores").NonFiniteValues, InputOf(tried, "mask").NonFiniteValues));
        using var stated = Masked().Load(new() { NonFiniteInputs = { ["scores"] = NonFiniteValues.NaN, ["*"] = NonFiniteValues.None } });
        Assert.Equal(
            (NonFiniteValues.NaN, NonFiniteValues.None),
            (InputOf(stated, "scores").NonFiniteValues, InputOf(stated, "mask").NonFiniteValues));
    }

    [Theory]
    [InlineData("nope", NonFiniteValues.NaN, "the input 'nope', which the model does not have. It has: ids: int64[N,2], w: float[N,2]")]
    [InlineData("ids", NonFiniteValues.NaN, "ids: int64[N,2], whose elements are always finite")]
    [InlineData(
        "w", (NonFiniteValues)9, "NonFiniteInputs:w is 9; it must be None, All, or some of NaN, PositiveInfinity, NegativeInfinity")]
    public void Load_OptionFitsNoInput_IsRefusedWithTheReason(string name, NonFiniteValues values, string message)
    {
        var source = new TinyOnnx().Input("ids", ElementType.Int64, "N", 2).Input("w", ElementType.Float, "N", 2)
            .Node("Cast", "ids", "numbers", TinyOnnx.Int("to", 1)).Node("Mul", "numbers w", "y").Output("y", ElementType.Float, "N", 2);
        var thrown = Assert.Throws<ModelLoadException>(() => source.Load(new() { NonFiniteInputs = { [name] = values } }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, thrown.Failure);
        Ask.Says(thrown.Message, message);
    }

    [Fact]
    public void Load_SampleHoldsNaN_IsTakenAtTheUsersWord()
    {
        // Summed with the rest, a NaN shows in the answer.
        using var model = TinyModels.Affine(2)
            .Load(new() { SampleInputs = { PredictionInputs.Row([1f, float.NaN]), PredictionInputs.Row([2f, 3f]) } });
        Assert.Equal(NonFiniteValues.NaN, model.Signature.Inputs[0].NonFiniteValues);
        Assert.Equal(NonFiniteValues.NaN, model.Signature.Outputs[0].NonFiniteValues);
        var thrown = Assert.Throws<ModelLoadException>(() => TinyModels.Affine(2).Load(new()
        {
            SampleInputs = { PredictionInputs.Row([1f, float.NaN]), PredictionInputs.Row([2f, 3f]) },
            NonFiniteInputs = { ["x"] = NonFiniteValues.None },
        }));
        Ask.Says(thrown.Message, "SampleInputs does not fit the model", "a NaN at element 1");
    }

    [Fact]
    public void Load_ScoresAreMaskedInside_NegativeInfinityIsNormalInTheAnswer()
    {
        using var model = new TinyOnnx().Input("scores", ElementType.Float, "N", 4).Input("kept", ElementType.Int64, "N", 4)
            .Weight("least", [float.NegativeInfinity], 1)
            .Node("Cast", "kept", "isKept", TinyOnnx.Int("to", 9)).Node("Where", "isKept scores least", "y").Node("Softmax", "y", "p")
            .Output("y", ElementType.Float, "N", 4).Output("p", ElementType.Float, "N", 4).Load();
        Assert.Equal(
            (NonFiniteValues.NegativeInfinity, NonFiniteValues.None),
            (model.Signature.Outputs[0].NonFiniteValues, model.Signature.Outputs[1].NonFiniteValues));
    }

    [Fact]
    public void Load_OptionAllowsAKind_WhatIsAnsweredToItIsNormal()
    {
        using var model = TinyModels.Affine(2).Load(new() { NonFiniteInputs = { ["x"] = NonFiniteValues.PositiveInfinity } });
        Assert.Equal(NonFiniteValues.PositiveInfinity, model.Signature.Outputs[0].NonFiniteValues);
    }

    [Theory]
    [InlineData("image/mnist_cnn_tribuo.onnx", NonFiniteValues.None)]
    [InlineData("image/st_mobilenetv2_035_128_flowers.onnx", NonFiniteValues.None)]
    [InlineData("image/mnist_burn.onnx", NonFiniteValues.None)]
    [InlineData("quant-pairs/mnist5x5_int8_dyn.onnx", NonFiniteValues.None)]
    [InlineData("rl/godot_ships.onnx", NonFiniteValues.None)]
    [InlineData("tabular/iris_logreg_684B.onnx", NonFiniteValues.None)]
    [InlineData("tabular/iris_randomforest_zipmap.onnx", NonFiniteValues.All)]
    [InlineData("tabular/xgb_regressor.onnx", NonFiniteValues.All)]
    public void Load_ModelsOfOthers_TakeWhatTheirKindTakes(string path, NonFiniteValues expected)
    {
        using var model = Ask.Load(ModelSource.FromFile(SharedData.PathOf($"models/{path}")));
        Assert.Equal(expected, model.Signature.Inputs[0].NonFiniteValues);
    }

    private static ValueSignature InputOf(OnnxPredictor model, string name) => model.Signature.Inputs[model.Signature.IndexOfInput(name)];

    private static PredictionInputs Row(float[] scores, float[] mask) =>
        PredictionInputs.Row(PredictionInput.Tensor("scores", scores), PredictionInput.Tensor("mask", mask));

    /// <summary>y = 2x, and 0 for what is missing.</summary>
    private static TinyOnnx Imputing() =>
        new TinyOnnx().Input("x", ElementType.Float, "N", 4).Weight("zero", [0f], 1).Weight("two", [2f], 1)
            .Node("IsNaN", "x", "missing").Node("Where", "missing zero x", "filled").Node("Mul", "filled two", "y")
            .Output("y", ElementType.Float, "N", 4);

    /// <summary>Passes one element on and replaces the others by 1: 0 times a NaN would be one.</summary>
    private static TinyOnnx LookingAt(int place, int width)
    {
        var others = new float[width];
        others[place] = 1;
        return new TinyOnnx().Input("x", ElementType.Float, "N", width).Weight("seen", others, width).Weight("half", [0.5f], 1)
            .Node("Greater", "seen half", "isSeen").Node("Where", "isSeen x seen", "y").Output("y", ElementType.Float, "N", width);
    }

    /// <summary>y = softmax(scores + mask).</summary>
    private static TinyOnnx Masked() => new TinyOnnx().Input("scores", ElementType.Float, "N", 4).Input("mask", ElementType.Float, "N", 4)
        .Node("Add", "scores mask", "masked").Node("Softmax", "masked", "y").Output("y", ElementType.Float, "N", 4);
}
