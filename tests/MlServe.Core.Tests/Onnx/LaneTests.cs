using CsCheck;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Lanes by hand, as a batcher uses them.</summary>
public sealed class LaneTests
{
    private static readonly Gen<int[]> Batches = Gen.Int[1, 4].Array[1, 6];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_RequestsOfSeveralRowsOnAnyAxis_EachReadsItsOwn(int axis)
    {
        using var predictor = TinyModels.OnAxis(axis).Load();
        var executor = predictor.GetService<IModelExecutor>()!;
        Batches.Sample(batch =>
        {
            var requests = new List<(PredictionInputs Inputs, PreparedRequest Request, int Row, float[] Values)>();
            var total = 0;
            foreach (var rows in batch)
            {
                var values = new float[12 * rows];
                for (var i = 0; i < values.Length; i++)
                    values[i] = (1000 * requests.Count) + i;
                var inputs = PredictionInputs.Rows(values, rows);
                Assert.Null(executor.Prepare(in inputs, null, out var request));
                requests.Add((inputs, request, total, values));
                total += rows;
            }

            using var lane = executor.Rent(requests[0].Request.Shape, total);
            Assert.True(lane.Capacity >= total);
            foreach (var (inputs, request, row, _) in requests)
                lane.WriteRow(inputs, request, row);
            Assert.Null(lane.Run(total, requests[0].Request.Outputs, TestContext.Current.CancellationToken));
            foreach (var (_, request, row, values) in requests)
            {
                using var prediction = lane.Read(in request, row, default);
                Assert.Equal(values.Select(static value => 2 * value), prediction.EnsureOk()["y"].ToArray<float>());
            }
        }, iter: 100, threads: 1);
    }

    [Fact]
    public void Run_StringsInABatch_EachReadsItsOwn()
    {
        using var predictor = TinyModels.Identity(ElementType.String, 2, "N").Load(new() { BatchAxis = 1 });
        Assert.Equal(1, predictor.Signature.Outputs[0].BatchAxis);
        var executor = predictor.GetService<IModelExecutor>()!;
        var first = PredictionInputs.Rows(["a", "b", "c", "d"], 2);
        var second = PredictionInputs.Row(["e", "f"]);
        Assert.Null(executor.Prepare(in first, null, out var one));
        Assert.Null(executor.Prepare(in second, null, out var two));
        Assert.Equal(one.Shape, two.Shape);
        using var lane = executor.Rent(one.Shape, 3);
        lane.WriteRow(first, one, 0);
        lane.WriteRow(second, two, 2);
        Assert.Null(lane.Run(3, one.Outputs, TestContext.Current.CancellationToken));
        using var left = lane.Read(in one, 0, default);
        using var right = lane.Read(in two, 2, default);
        Assert.Equal(["a", "b", "c", "d"], left["y"].ToArray<string>());
        Assert.Equal(["e", "f"], right["y"].ToArray<string>());
        Assert.Equal([2], right["y"].Shape.ToArray());
    }

    [Fact]
    public void Read_FewerOutputsThanWereComputed_GivesThoseAskedFor()
    {
        using var predictor = TinyModels.TwoInputs().Load();
        var executor = predictor.GetService<IModelExecutor>()!;
        var inputs = PredictionInputs.Row(
            PredictionInput.Tensor("a", new float[] { 1, 2, 3 }), PredictionInput.Tensor("b", new float[] { 4, 5, 6 }));
        Assert.Null(executor.Prepare(in inputs, null, out var all));
        Assert.Null(executor.Prepare(in inputs, new() { Outputs = ["product"] }, out var product));
        for (var run = 0; run < 3; run++)
        {
            using var lane = executor.Rent(all.Shape, 2);
            lane.WriteRow(inputs, all, 0);
            lane.WriteRow(inputs, product, 1);
            Assert.Null(lane.Run(2, all.Outputs, TestContext.Current.CancellationToken));
            using var whole = lane.Read(in all, 0, default);
            using var part = lane.Read(in product, 1, default);
            Assert.Equal(2, whole.Count);
            Assert.Equal([5, 7, 9], whole["sum"].ToArray<float>());
            Assert.Equal([4, 10, 18], part["product"].ToArray<float>());
            Assert.Equal(1, part.Count);
        }
    }

    [Fact]
    public void Dispose_Twice_ReturnsTheLaneOnce()
    {
        using var predictor = TinyModels.Affine().Load();
        var executor = predictor.GetService<IModelExecutor>()!;
        var inputs = PredictionInputs.Row(new float[4]);
        Assert.Null(executor.Prepare(in inputs, null, out var request));
        var lane = executor.Rent(request.Shape, 1);
        lane.Dispose();
        lane.Dispose();
        using var one = executor.Rent(request.Shape, 1);
        using var two = executor.Rent(request.Shape, 1);
        Assert.NotSame(one, two);
    }

    [Fact]
    public async Task Return_ShelfWasGivenUpMeanwhile_LaneIsClosedAndNotCountedForEver()
    {
        await using var predictor = TinyModels.FreeLength().Load(new() { WarmUpRuns = 0 });
        var executor = (OnnxExecutor)predictor.GetService<IModelExecutor>()!;
        for (var round = 0; round < 20; round++)
        {
            var inputs = PredictionInputs.Row(new float[2000 + round]);
            Assert.Null(executor.Prepare(in inputs, null, out var request));
            using (executor.RentLane(request.Shape, 1))
            {
                // More shapes than are kept push the one that is out off its shelf.
                for (var length = 1; length <= 70; length++)
                    Ask.The(predictor, PredictionInputs.Row(new float[length])).EnsureOk().Dispose();
            }
        }

        // 64 shapes of up to 70 numbers in and as many out; those that were out took 8,000 bytes each.
        Assert.InRange(executor.IdleBytes, 0, 64 * 70 * 4 * 2);
    }

    [Fact]
    public void Rent_ManyShapes_KeepsIdleLanesWithinTheBound()
    {
        using var predictor = TinyModels.FreeLength().Load(new() { MaxIdleLaneBytes = 10_000 });
        var executor = (OnnxExecutor)predictor.GetService<IModelExecutor>()!;
        for (var length = 1; length < 300; length++)
        {
            Ask.The(predictor, PredictionInputs.Row(new float[length])).EnsureOk().Dispose();
            Assert.InRange(executor.IdleBytes, 0, 10_000);
        }
    }

    [Fact]
    public void LaneShapeTable_MoreShapesThanItKeeps_StaysBoundedAndRight()
    {
        var table = new LaneShapeTable();
        for (var i = 0; i < 1000; i++)
        {
            var shape = table.Get([i, i + 1]);
            Assert.Equal(new LaneShape([i, i + 1]), shape);
            Assert.Same(shape, table.Get([i, i + 1]));
        }

        var kept = Enumerable.Range(0, 1000).Count(i =>
        {
            var probe = table.Get([i, i + 1]);
            return ReferenceEquals(probe, table.Get([i, i + 1]));
        });
        Assert.Equal(1000, kept);
        Assert.NotEqual(table.Get([1, 2]), table.Get([2, 1]));
        Assert.False(new LaneShape([1]).Equals("1"));
        Assert.False(new LaneShape([1]).Equals((LaneShape?)null));
        Assert.Equal([1, 2], new LaneShape([1, 2]).Sizes.ToArray());
    }

    [Fact]
    public void Prepare_ManyInputs_RoundsCapacityUpByWhatTheyTake()
    {
        // Three inputs of 128: what a row takes is their sum, not their product.
        using var predictor = new TinyOnnx()
            .Input("a", ElementType.Float, "N", 128).Input("b", ElementType.Float, "N", 128).Input("c", ElementType.Float, "N", 128)
            .Node("Sum", "a b c", "y").Output("y", ElementType.Float, "N", 128).Load();
        var executor = predictor.GetService<IModelExecutor>()!;
        var inputs = PredictionInputs.Rows(
            3, PredictionInput.Tensor("a", new float[384]), PredictionInput.Tensor("b", new float[384]),
            PredictionInput.Tensor("c", new float[384]));
        Assert.Null(executor.Prepare(in inputs, null, out var request));
        using var lane = executor.Rent(request.Shape, 9);
        Assert.Equal(16, lane.Capacity);
    }
}
