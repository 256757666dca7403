using MlServe.Onnx;

namespace MlServe.Tests;

/// <summary>
/// What pools keep is bounded in bytes, whatever requests and answers were like: counted as the managed memory that is left over.
/// </summary>
[Collection(Alone.Name)]
public sealed class PoolMemoryTests
{
    private const long MiB = 1 << 20;
    private const long Bound = 64 * MiB;

    [Theory]
    [InlineData(4096, 64, 4096)]
    [InlineData(4096, 64, 1024)]
    [InlineData(4096, 64, 4)]
    [InlineData(1, 50_000, 1024)]
    [InlineData(512, 1, MiB)]
    [InlineData(64, 64, 65_537)]
    [InlineData(16, 4, 8 * MiB)]
    [InlineData(8, 1, 40 * MiB)]
    public void Dispose_ManyPredictions_LeavesLittle(int predictions, int outputs, long bytes)
    {
        RequireMemory(predictions * outputs * bytes);
        AssertLeavesLittle(() =>
        {
            using var list = new PredictionList([.. Enumerable.Range(0, predictions).Select(_ => Make(outputs, (int)bytes))]);
            Assert.Equal(outputs, list[0].Count);
        });
    }

    [Fact]
    public void Dispose_OnManyThreads_LeavesLittle() => AssertLeavesLittle(() =>
    {
        var predictions = Enumerable.Range(0, 2048).Select(static _ => Make(64, 1024)).ToArray();
        var threads = Enumerable.Range(0, 32).Select(part => new Thread(() =>
        {
            for (var i = part * 64; i < (part + 1) * 64; i++)
                predictions[i].Dispose();
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
    });

    [Fact]
    public void Dispose_ManyTexts_LeavesLittle() => AssertLeavesLittle(() =>
    {
        using var list = new PredictionList([.. Enumerable.Range(0, 256).Select(static i =>
        {
            var writer = PredictionWriter.Create();
            writer.AddTensor<string>("t", 100).Fill(new string('x', 10_000 + i));
            return writer.Complete();
        })]);
    });

    [Fact]
    public void Encode_ManyLargeInputs_LeavesLittle() => AssertLeavesLittle(() =>
    {
        var signature = new ModelSignature(
            [.. Enumerable.Range(0, 40)
                .Select(static i =>
                    new ValueSignature { Name = $"x{i}", Kind = ValueKind.Tensor, ElementType = Tensors.ElementType.Float })],
            [new() { Name = "y", Kind = ValueKind.Tensor, ElementType = Tensors.ElementType.Float }]);
        var writers = Enumerable.Range(0, 100).Select(_ => PredictionInputWriter.Rent(signature)).ToList();
        foreach (var writer in writers)
        {
            for (var i = 0; i < 40; i++)
                writer.Tensor<float>($"x{i}", 16_384)[^1] = 1;
        }

        writers.ForEach(static writer => writer.Return());
    });

    [Fact]
    public async Task PredictMany_LargeBatches_LeaveLittle()
    {
        var model = TinyModels.Affine(16_384);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await AskAsync(model);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Bound);

        static async Task AskAsync(TinyOnnx model)
        {
            await using var predictor = model.Load();
            using var answers = await predictor.PredictManyAsync([.. Enumerable.Range(0, 500)
                .Select(static _ => PredictionInputs.Row(new float[16_384]))]);
            Assert.All(answers, static answer => Assert.True(answer.IsOk));
        }
    }

    [Fact]
    public void Rent_SizesInTurn_AreOfTheSizeAskedForAndReused()
    {
        foreach (var bytes in (int[])[1, 4096, Buffers.SmallBytes, Buffers.SmallBytes + 1, 81_920, 81_921, 1_000_000, 1 << 20,
            (1 << 24) - 1, 1 << 24, (1 << 24) + 1])
        {
            var array = Buffers.Rent(bytes);
            Assert.InRange(array.Length, bytes, Math.Max(64, bytes * 2));
            Buffers.Return(array);
            if (bytes is > Buffers.SmallBytes and <= 1 << 24) Assert.Same(array, Buffers.Rent(bytes));
        }
    }

    [Fact]
    public void Return_MoreThanIsKept_KeepsWhatIsAskedForNow()
    {
        var old = Enumerable.Range(0, 40).Select(static _ => Buffers.Rent(1_000_000)).ToList();
        old.ForEach(Buffers.Return);
        Assert.InRange(Buffers.Bytes, 1, Buffers.MaxBytes);
        var now = Buffers.Rent(9_000_000);
        Buffers.Return(now);
        Assert.InRange(Buffers.Bytes, 1, Buffers.MaxBytes);
        Assert.Same(now, Buffers.Rent(9_000_000));
    }

    [Fact]
    public void Trim_MemoryIsShort_LetsGoOfWhatPoolsKeep()
    {
        Enumerable.Range(0, 10).Select(static _ => Buffers.Rent(1_000_000)).ToList().ForEach(Buffers.Return);
        Enumerable.Range(0, 1000).Select(static _ => Make(8, 1024)).ToList().ForEach(static prediction => prediction.Dispose());
        Assert.NotEqual(0, Buffers.Bytes);
        Assert.NotEqual(0, Pool<PredictionState>.Bytes);
        MemoryPressure.Trim();
        Assert.Equal((0, 0), (Buffers.Bytes, Pool<PredictionState>.Bytes));
        using var prediction = Make(8, 1024);
        Assert.Equal(8, prediction.Count);
    }

    private static Prediction Make(int outputs, int bytes)
    {
        var writer = PredictionWriter.Create();
        for (var i = 0; i < outputs; i++)
            writer.AddTensor<byte>("y", bytes)[^1] = 1;
        return writer.Complete();
    }

    private static void AssertLeavesLittle(Action use)
    {
        MemoryPressure.Trim();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        use();
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Bound);
    }

    private static void RequireMemory(long bytes)
    {
        var memory = GC.GetGCMemoryInfo();
        if (memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes < 2 * bytes)
            Assert.Skip($"Needs {2 * bytes / MiB} MiB of free memory.");
    }
}
