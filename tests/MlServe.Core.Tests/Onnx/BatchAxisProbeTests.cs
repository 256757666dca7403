using System.Numerics.Tensors;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using MlServe.Fakes;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Onnx;

public sealed class BatchAxisProbeTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Find_RowsOnAnyAxis_FindsItAndAnswersMirrorTheForm(int axis)
    {
        using var predictor = TinyModels.OnAxis(axis).Load();
        Assert.True(predictor.Signature.IsBatchable, predictor.Signature.BatchingNote);
        Assert.Equal(axis, predictor.Signature.Inputs[0].BatchAxis);
        Assert.Equal(axis, predictor.Signature.Outputs[0].BatchAxis);
        Ask.Says(predictor.Signature.BatchingNote, "probe");

        var values = Enumerable.Range(0, 12).Select(static i => (float)i).ToArray();
        using var row = Ask.The(predictor, PredictionInputs.Row(values));
        Assert.Equal([3, 4], row.EnsureOk()["y"].Shape.ToArray());
        Assert.Equal(values.Select(static value => 2 * value), row["y"].ToArray<float>());
        long[] shape = [.. new long[] { 3, 4 }.Take(axis), 5, .. new long[] { 3, 4 }.Skip(axis)];
        var many = Enumerable.Range(0, 60).Select(static i => (float)i).ToArray();
        using var rows = Ask.The(predictor, PredictionInputs.Rows(PredictionInput.Tensor("x", many, shape)));
        Assert.Equal(shape, rows.EnsureOk()["y"].Shape.ToArray());
        Assert.Equal(many.Select(static value => 2 * value), rows["y"].ToArray<float>());
        Ask.TheError(predictor, PredictionInputs.Rows(PredictionInput.Tensor("x", new float[24], [2, 2, 6])),
            axis == 0 ? PredictionErrorCode.InputDimensionMismatch : PredictionErrorCode.InputDimensionMismatch);
    }

    [Fact]
    public void Find_StatedAxis_HasTheLastWord()
    {
        // Rows answer differently in company: the probe would refuse.
        using var predictor = LessTheMean().Load(new() { BatchAxis = 0 });
        Assert.True(predictor.Signature.IsBatchable);
        Ask.Says(predictor.Signature.BatchingNote, "stated", "differently in company");
        using var byName = LessTheMean().Load(new() { BatchAxes = { ["x"] = 0 } });
        Assert.True(byName.Signature.IsBatchable);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Find_StatedAxisThatIsNotFree_IsRefused(int axis)
    {
        var exception = Assert.Throws<ModelLoadException>(() => TinyModels.Affine().Load(new() { BatchAxis = axis }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Ask.Says(exception.Message, $"BatchAxis is {axis}", "x: float[N,4]");

        exception = Assert.Throws<ModelLoadException>(() => TinyModels.Affine().Load(new() { BatchAxes = { ["x"] = axis } }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Ask.Says(exception.Message, $"axis {axis}", "x: float[N,4]", "dynamic batch axis");
    }

    [Fact]
    public void Find_StatedAxisOfAnUnknownInput_NamesThoseThereAre()
    {
        var exception = Assert.Throws<ModelLoadException>(() => TinyModels.Affine().Load(new() { BatchAxes = { ["pixels"] = 0 } }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Ask.Says(exception.Message, "'pixels'", "x: float[N,4]");
    }

    [Fact]
    public void Find_None_TakesOneRowAtATime()
    {
        using var predictor = TinyModels.Affine().Load(new() { BatchDetection = BatchDetection.None });
        Assert.False(predictor.Signature.IsBatchable);
        Ask.Says(predictor.Signature.BatchingNote, "No batching", "options");
        Ask.Says(Ask.TheError(predictor, PredictionInputs.Rows(new float[8], 2), PredictionErrorCode.NotBatchable).Message, "options");

        // One call is one run of the whole tensor, whatever its first axis.
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[8]));
        Assert.Equal([2, 4], prediction.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Find_RowsDependOnTheirNeighbours_DoesNotBatch()
    {
        using var predictor = LessTheMean().Load();
        Assert.False(predictor.Signature.IsBatchable);
        Ask.Says(predictor.Signature.BatchingNote, "No batching", "differently in company");
    }

    [Fact]
    public void Load_RowsDependOnTheirNeighbours_SaysTheReasonFirstAndWarnsWhereBatchingWasAskedFor()
    {
        using var log = new LogList();
        using var predictor = LessTheMean().Load(context: new() { LoggerFactory = log });
        var description = predictor.GetService<OnnxModelDescription>()!;
        Assert.Equal(RowEvidence.Dependent, description.RowEvidence);
        Ask.Says(description.RowEvidenceNode!, "ReduceMean");
        Assert.StartsWith(
            "No batching: Rows answer differently in company, because ReduceMean", predictor.Signature.BatchingNote,
            StringComparison.Ordinal);
        Assert.DoesNotContain(log.Entries, static entry => entry.Level >= LogLevel.Warning);

        using var batched = new PredictorBuilder(predictor).UseBatching().Build(new FakeServices(log));
        var entry = Assert.Single(log.Entries, static entry => entry.Id.Id == 3000);
        Assert.Equal(LogLevel.Warning, entry.Level);
        Ask.Says(entry.Text, "'default'", "one row at a time", "because ReduceMean");
    }

    [Fact]
    public void Load_StatedAxisOfRowsThatMix_Warns()
    {
        using var log = new LogList();
        using var predictor = LessTheMean().Load(new() { BatchAxis = 0 }, new() { LoggerFactory = log });
        Assert.False(predictor.Signature.RowsAreIndependent);
        Ask.Says(Assert.Single(log.Entries, static entry => entry.Id.Id == 2020).Text, "'default'", "stated", "because ReduceMean");
    }

    [Fact]
    public void Load_RowsDoNotMix_TellsWhatIsKnown()
    {
        using var predictor = TinyModels.Affine().Load();
        var description = predictor.GetService<OnnxModelDescription>()!;
        Assert.Equal((RowEvidence.Proved, null, 0.0), (description.RowEvidence, description.RowEvidenceNode, description.RowRounding));
        Ask.Says(predictor.Signature.BatchingNote, "the graph shows", "differ by 0");
        using var unknown = TinyModels.FixedAffine().Load();
        Assert.Equal(
            (RowEvidence.None, null),
            (unknown.GetService<OnnxModelDescription>()!.RowEvidence, unknown.GetService<OnnxModelDescription>()!.RowRounding));
    }

    [Fact]
    public void UseBatching_DependentRowsAreAcceptedAndNoAxisIsStated_SaysWhatIsMissing()
    {
        using var log = new LogList();
        using var predictor = LessTheMean().Load();
        using var batched = new PredictorBuilder(predictor).UseBatching(static batching => batching.AcceptDependentRowsOf = "default")
            .Build(new FakeServices(log));
        Ask.Says(
            Assert.Single(log.Entries, static entry => entry.Id.Id == 3000).Text, "differently in company",
            "state BatchAxis beside AcceptDependentRowsOf");
    }

    [Fact]
    public void UseBatching_AxisIsStatedOfDependentRows_IsRefusedAndSaysTheReasonOnce()
    {
        using var predictor = LessTheMean().Load(new() { BatchAxis = 0 });
        Assert.Equal(2, predictor.Signature.BatchingNote.Split('.', StringSplitOptions.RemoveEmptyEntries).Length);
        var exception = Assert.Throws<ModelLoadException>(() => new PredictorBuilder(predictor).UseBatching().Build());
        Ask.Says(exception.Message, "because ReduceMean", "stated all the same", "AcceptDependentRowsOf = \"default\"");
    }

    [Theory]
    [InlineData(0.5, true)]
    [InlineData(1e-4, false)]
    public async Task UseBatching_RoundingIsLargerThanIsTolerated_RunsOneRowAtATime(double tolerance, bool isBatched)
    {
        // A classifier of files that divides by next to nothing where a file is short: rounding becomes the second digit of its scores.
        var path = SharedData.PathOf("models/magika/standard_v3_2/model.onnx");
        using var log = new LogList();
        using var predictor = Ask.Load(ModelSource.FromFile(path), new() { BatchTolerance = tolerance }, new() { LoggerFactory = log });
        Assert.True(predictor.Signature is { IsBatchable: true, RowsAreIndependent: true }, predictor.Signature.BatchingNote);
        var description = predictor.GetService<OnnxModelDescription>()!;
        Assert.Equal(RowEvidence.Proved, description.RowEvidence);
        Assert.InRange(description.RowRounding!.Value, 1e-4, 0.5);
        Assert.Equal(isBatched, predictor.Signature.BatchingObjection is null);
        if (!isBatched)
            Assert.StartsWith(
                "Requests of several callers are not run together: ", predictor.Signature.BatchingNote, StringComparison.Ordinal);

        await using var batched = new PredictorBuilder(predictor).UseBatching(static batching =>
            (batching.RunMode, batching.Readiness) =
                (MlServe.Batching.RunMode.Queued, MlServe.Batching.BatchReadiness.WhenCalibrated))
            .Build(new FakeServices(new RunGate(1), log, new FakeTimeProvider()));
        var rows = Enumerable.Range(0, 16)
            .Select(static i => Enumerable.Range(0, 2048).Select(j => j < i + 8 ? (i * 7) + j : 256).ToArray()).ToList();
        var answers = await Task.WhenAll(rows.Select(row => batched.PredictAsync(PredictionInputs.Row(row)).AsTask()));
        Assert.Equal(isBatched, answers.Any(static answer => answer.EnsureOk().Origin.BatchRows > 1));
        Assert.Equal(
            isBatched ? 0 : 1,
            log.Entries.Count(static entry => entry.Id.Id == 3000 && entry.Text.Contains("BatchTolerance", StringComparison.Ordinal)));
        for (var i = 0; i < rows.Count; i++)
        {
            using var alone = Ask.The(predictor, PredictionInputs.Row(rows[i]));
            if (!isBatched) Assert.Equal(alone.EnsureOk()[0].ToArray<float>(), answers[i][0].ToArray<float>());
            answers[i].Dispose();
        }
    }

    [Fact]
    public void UseBatching_RoundingIsAccepted_Batches()
    {
        using var predictor = Ask.Load(ModelSource.FromFile(SharedData.PathOf("models/magika/standard_v3_2/model.onnx")));
        using var accepted = new PredictorBuilder(predictor).UseBatching(static batching =>
            (batching.AcceptDependentRowsOf, batching.MaxBatchSize) = ("default", 4)).Build();
        Assert.Equal(4, accepted.GetService<MlServe.Batching.BatchingPredictor>()!.Capacity);

        // A stated axis is the user's word.
        using var stated = Ask.Load(
            ModelSource.FromFile(SharedData.PathOf("models/magika/standard_v3_2/model.onnx")), new() { BatchAxis = 0 });
        Assert.Null(stated.Signature.BatchingObjection);
    }

    [Fact]
    public void Find_FixedBatch_SaysThatNoAxisIsFree()
    {
        using var predictor = TinyModels.FixedAffine().Load();
        Assert.False(predictor.Signature.IsBatchable);
        Ask.Says(predictor.Signature.BatchingNote, "fixed size");
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(Tensor.Create(new float[] { 1, 2, 3, 4 }, [1, 4])));
        Assert.Equal([1, 4], prediction.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Find_OutputWithoutBatchAxis_DoesNotBatchAndNamesIt()
    {
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "N", 4)
            .Node("ReduceSum", "x", "total", TinyOnnx.Int("keepdims", 0)).Node("Neg", "x", "y")
            .Output("y", ElementType.Float, "N", 4).Output("total", ElementType.Float).Load();
        Assert.False(predictor.Signature.IsBatchable);
        Ask.Says(predictor.Signature.BatchingNote, "'total'", "no axis that grows");
    }

    [Fact]
    public void Find_PairwiseOutput_DoesNotBatch()
    {
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "N", 4)
            .Node("Transpose", "x", "t", TinyOnnx.Ints("perm", 1, 0)).Node("MatMul", "x t", "y").Output("y", ElementType.Float, "N", "N")
            .Load();
        Assert.False(predictor.Signature.IsBatchable);
    }

    [Fact]
    public void Find_DeclaredShapeLies_BelievesTheRun()
    {
        // The output is declared with one row and has as many as come.
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "N", 4)
            .Node("Neg", "x", "y")
            .OutputOfAnyShape("y", ElementType.Float)
            .Load();
        Assert.True(predictor.Signature.IsBatchable, predictor.Signature.BatchingNote);
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(new float[12], 3));
        Assert.Equal([3, 4], prediction.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Find_SampleInputs_AreUsedInPlaceOfRandomNumbers()
    {
        // Only ids below 2 are valid, and the first sample alone shows it: random ids of the warm-up would be refused.
        var gather = new TinyOnnx().Input("x", ElementType.Int64, "N", 2)
            .Weight("table", [1f, 2f], 2)
            .Node("Gather", "table x", "y")
            .Output("y", ElementType.Float, "N", 2);
        var options = new OnnxModelOptions();
        options.SampleInputs.Add(PredictionInputs.Row(new long[] { 0, 1 }));
        options.SampleInputs.Add(PredictionInputs.Row(new long[] { 1, 1 }));
        using var predictor = gather.Load(options);
        Assert.True(predictor.Signature.IsBatchable, predictor.Signature.BatchingNote);

        var wrong = new OnnxModelOptions();
        wrong.SampleInputs.Add(PredictionInputs.Row(new long[] { 0, 1, 2 }));
        var exception = Assert.Throws<ModelLoadException>(() => gather.Load(wrong));
        Assert.Equal(ModelLoadFailure.WarmUpFailed, exception.Failure);
        Ask.Says(exception.Message, "SampleInputs", "3 elements");

        var refused = new OnnxModelOptions();
        refused.SampleInputs.Add(PredictionInputs.Row(new long[] { 0, 7 }));
        exception = Assert.Throws<ModelLoadException>(() => gather.Load(refused));
        Assert.Equal(ModelLoadFailure.WarmUpFailed, exception.Failure);
        Ask.Says(exception.Message, "SampleInputs", "Gather");
    }

    [Fact]
    public void WarmUp_SeveralRowsOfAModelThatTakesOne_IsRefused()
    {
        var exception = Assert.Throws<ModelLoadException>(() => TinyModels.FixedAffine().Load(new() { WarmUpRows = [1, 8] }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Ask.Says(exception.Message, "WarmUpRows names 8", "one row at a time");
        using var fine = TinyModels.Affine().Load(new() { WarmUpRows = [64, 1, 8, 8] });
        using var prediction = Ask.The(fine, PredictionInputs.Rows(new float[4 * 64], 64));
        Assert.Equal([64, 4], prediction.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void WarmUp_None_LoadsAndAnswersAllTheSame()
    {
        using var predictor = TinyModels.Affine().Load(new() { WarmUpRuns = 0 });
        for (var i = 0; i < 4; i++)
        {
            using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { i, 0, 0, 0 }));
            Assert.Equal((2 * i) + 1, prediction.EnsureOk()["y"].ToArray<float>()[0]);
        }
    }

    [Fact]
    public void Run_OutputShapesDependOnTheData_AreRightRunAfterRun()
    {
        using var predictor = TinyModels.NonZero().Load();
        var random = new Random(5);
        for (var run = 0; run < 50; run++)
        {
            var values = new float[6];
            for (var i = 0; i < 6; i++)
                values[i] = random.Next(2);
            using var prediction = Ask.The(predictor, PredictionInputs.Row(values));
            var expected = Enumerable.Range(0, 6).Where(i => values[i] != 0).Select(static i => (long)i).ToArray();
            Assert.Equal(expected, prediction.EnsureOk()["y"].ToArray<long>());
            Assert.Equal([1, expected.Length], prediction["y"].Shape.ToArray());
        }
    }

    [Fact]
    public void Read_OutputThatLostItsRows_IsAnErrorForABatchAndNotAnothersAnswer()
    {
        // The output has a row for each number that is not zero: as many as requests in the probe, and not always.
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "N")
            .Node("NonZero", "x", "places").Node("Transpose", "places", "y", TinyOnnx.Ints("perm", 1, 0))
            .Output("y", ElementType.Int64, null, 1)
            .Load(new() { BatchAxis = 0 });
        var executor = predictor.GetService<IModelExecutor>()!;
        var one = PredictionInputs.Row(new float[] { 0 });
        Assert.Null(executor.Prepare(in one, null, out var request));
        using var lane = executor.Rent(request.Shape, 2);
        lane.WriteRow(one, request, 0);
        lane.WriteRow(PredictionInputs.Row(new float[] { 5 }), request, 1);
        Assert.Null(lane.Run(2, request.Outputs, TestContext.Current.CancellationToken));
        using var prediction = lane.Read(in request, 0, default);
        Assert.Equal(PredictionStatus.Failed, prediction.Status);
        Ask.Says(prediction.Error.Message, "'y'", "2 rows", "BatchDetection");

        using var alone = Ask.The(predictor, PredictionInputs.Rows(new float[] { 0, 5, 6 }, 3));
        Assert.Equal([1, 2], alone.EnsureOk()["y"].ToArray<long>());
    }

    /// <summary>y = x less the mean of the column over all rows.</summary>
    private static TinyOnnx LessTheMean() => new TinyOnnx()
        .Input("x", ElementType.Float, "N", 4)
        .Node("ReduceMean", "x", "mean", TinyOnnx.Ints("axes", 0), TinyOnnx.Int("keepdims", 1))
        .Node("Sub", "x mean", "y")
        .Output("y", ElementType.Float, "N", 4);
}
