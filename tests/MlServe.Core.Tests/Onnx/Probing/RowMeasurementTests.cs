using MlServe.Tensors;

namespace MlServe.Onnx.Probing;

/// <summary>
/// What running rows alone and together tells of models of which the graph tells nothing: an answer that is not sure is none.
/// </summary>
public sealed class RowMeasurementTests
{
    public static TheoryData<string> Mixing => [.. MixingModels.Mixing.Keys];

    public static TheoryData<string> Hiding => [.. MixingModels.Hiding.Keys];

    public static TheoryData<string> Apart => [.. MixingModels.Apart.Keys];

    [Theory]
    [MemberData(nameof(Mixing))]
    public void Find_RowsMix_DoesNotBatch(string name)
    {
        var found = Probe.Find(MixingModels.With(MixingModels.Mixing[name], name));
        Assert.False(found.Signature.IsBatchable, found.Signature.BatchingNote);
        Assert.Equal(RowEvidence.Dependent, found.Evidence);
        Assert.StartsWith("No batching: ", found.Signature.BatchingNote, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Hiding))]
    public void Find_NothingShows_IsInconclusiveAndDoesNotBatch(string name)
    {
        var found = Probe.Find(MixingModels.With(MixingModels.Hiding[name], name));
        Assert.False(found.Signature.IsBatchable, found.Signature.BatchingNote);
        Assert.Equal(RowEvidence.Inconclusive, found.Evidence);
        Ask.Says(found.Signature.BatchingNote, "could not be told", "'y'", "alike, or with nothing finite", "State BatchAxis");
    }

    [Theory]
    [MemberData(nameof(Apart))]
    public void Find_RowsDoNotMix_Batches(string name)
    {
        var found = Probe.Find(MixingModels.With(MixingModels.Apart[name], name));
        Assert.True(
            found.Signature is { IsBatchable: true, RowsAreIndependent: true, BatchingObjection: null }, found.Signature.BatchingNote);
        Assert.Equal(RowEvidence.Measured, found.Evidence);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Find_FewSamplesOfRowsThatMix_AreNotTheirOwnCompany(int samples)
    {
        var options = new OnnxModelOptions();
        for (var i = 0; i < samples; i++)
            options.SampleInputs.Add(PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
        var found = Probe.Find(MixingModels.With(MixingModels.Mixing["less the mean"], ""), options);
        Assert.False(found.Signature.IsBatchable, found.Signature.BatchingNote);
    }

    [Fact]
    public void Find_OneSampleOfRowsThatDoNotMix_Batches()
    {
        var options = new OnnxModelOptions();
        options.SampleInputs.Add(PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
        var found = Probe.Find(MixingModels.With(MixingModels.Apart["a layer"], ""), options);
        Assert.True(found.Signature.IsBatchable, found.Signature.BatchingNote);
    }

    [Fact]
    public void Find_SampleOfSeveralRows_TriesEachOfThem()
    {
        var options = new OnnxModelOptions();
        options.SampleInputs.Add(PredictionInputs.Rows(new float[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 2));
        Assert.True(Probe.Find(MixingModels.With(MixingModels.Apart["a layer"], ""), options).Signature.IsBatchable);
        Assert.False(Probe.Find(MixingModels.With(MixingModels.Mixing["less the mean"], ""), options).Signature.IsBatchable);
    }

    [Fact]
    public void Find_NoTime_IsInconclusive()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromSeconds(2) };
        var found = Probe.Find(
            MixingModels.With(MixingModels.Apart["a layer"], ""), budget: new(clock, TestContext.Current.CancellationToken));
        Assert.False(found.Signature.IsBatchable);
        Assert.Equal(RowEvidence.Inconclusive, found.Evidence);
        Ask.Says(found.Signature.BatchingNote, "longer than 5 s");
    }

    [Fact]
    public void Find_GivenUp_Ends()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            Probe.Find(MixingModels.With(MixingModels.Apart["a layer"], ""), budget: new(TimeProvider.System, source.Token)));
    }

    [Fact]
    public void Find_ModelKeepsState_IsToldFromOneWhoseRowsMix()
    {
        // Without the graph's help: the second run of one row alone tells.
        var found = Probe.Find(Training(), readsFacts: false);
        Assert.False(found.Signature.IsBatchable);
        Assert.False(found.Signature.AnswersAreRepeatable);
        Ask.Says(found.Signature.BatchingNote, "not deterministic, or keeps state", "'y'", "second time");
    }

    [Theory]
    [InlineData("Gather", 0, 7)]
    [InlineData("GatherElements", 0, 7)]
    public void Facts_IdsOfATable_AreBounded(string operation, long least, long end)
    {
        var model = new TinyOnnx().Input("x", ElementType.Int64, "N", 1)
            .Weight("t", new float[7], 7, 1)
            .Node("Identity", "x", "i")
            .Node(operation, "t i", "y")
            .OutputOfAnyShape("y", ElementType.Float);
        Assert.Equal(new IntegerRange(least, end), GraphFacts.Find(MlServe.Onnx.Graphs.OnnxGraph.Read(model.ToArray())).Ranges["x"]);
    }

    [Theory]
    [InlineData("Cast", true)]
    [InlineData("Cast and Gather", false)]
    [InlineData("Cast and Expand", false)]
    [InlineData("Add", false)]
    public void Facts_IntegersThatAreNumbers_AreToldFromIndicesAndSizes(string use, bool isNumber)
    {
        var model = new TinyOnnx().Input("x", ElementType.Int64, "N")
            .Input("t", ElementType.Float, "K", 1)
            .Weight("one", [1L])
            .Weight("half", [1f])
            .Node("Identity", "x", "i");
        model = use == "Add"
            ? model.Node("Add", "i one", "a").Node("Cast", "a", "y", TinyOnnx.Int("to", 1))
            : model.Node("Cast", "i", "f", TinyOnnx.Int("to", 1)).Node("Mul", "f half", "y");
        if (use == "Cast and Gather") model.Node("Gather", "t x", "z").OutputOfAnyShape("z", ElementType.Float);
        if (use == "Cast and Expand") model.Node("Expand", "t i", "z").OutputOfAnyShape("z", ElementType.Float);
        Assert.Equal(
            isNumber,
            GraphFacts.Find(MlServe.Onnx.Graphs.OnnxGraph.Read(model.OutputOfAnyShape("y", ElementType.Float).ToArray())).IsNumber("x"));
    }

    internal static TinyOnnx Training() =>
        new TinyOnnx().Input("x", ElementType.Float, "N", 4).Weight("s", [1f, 1, 1, 1], 4).Weight("b", [0f, 0, 0, 0], 4)
            .Weight("m", [0f, 0, 0, 0], 4)
            .Weight("v", [1f, 1, 1, 1], 4).Node("BatchNormalization", "x s b m v", "y rm rv", TinyOnnx.Int("training_mode", 1))
            .Output("y", ElementType.Float, "N", 4);
}
