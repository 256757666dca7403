using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

[Collection(Alone.Name)]
public sealed class CacheStageTests
{
    [Fact]
    public async Task PredictAsync_SameRequestAgain_IsAnsweredFromTheCacheWithOriginAndAge()
    {
        var identity = new ModelIdentity("m", "2", "d1");
        var inner = new FakePredictor((inputs, _) =>
            new(Answers.Of(Answers.IdOf(inputs), new() { Model = identity, BatchRows = 3 })))
        { Service = identity };
        using var harness = new CacheHarness(inner);

        Assert.Equal(PredictionSource.Model, await harness.SourceOf(7));
        harness.Time.Advance(TimeSpan.FromSeconds(5));
        using var hit = await harness.Cache.PredictAsync(Answers.Request(7));

        Assert.Equal(new PredictionOrigin { Model = identity, Source = PredictionSource.Cache, Age = TimeSpan.FromSeconds(5) }, hit.Origin);
        Assert.Equal(("id", 7L), (hit[0].Name, hit[0].ToScalar<long>()));
        Assert.Equal(1, inner.Calls);
        Assert.Equal((1, 1, 1), (harness.Statistics.Hits, harness.Statistics.Misses, harness.Statistics.Entries));
    }

    [Fact]
    public async Task PredictAsync_EqualBytesOfAnotherShapeTypeFormOrSelection_AreOtherRequests()
    {
        using var model = TinyModels.TwoInputs().Load();
        using var harness = new CacheHarness(model);
        float[] six = [1, 2, 3, 4, 5, 6];
        float[] three = [1, 2, 3];
        PredictionInputs[] requests =
        [
            PredictionInputs.Rows(PredictionInput.Tensor("a", six, [2, 3]), PredictionInput.Tensor("b", six, [2, 3])),
            PredictionInputs.Row(PredictionInput.Tensor("a", three, [3]), PredictionInput.Tensor("b", three, [3])),
            PredictionInputs.Rows(PredictionInput.Tensor("a", three, [1, 3]), PredictionInput.Tensor("b", three, [1, 3])),
        ];

        foreach (var request in requests)
        {
            foreach (var outputs in (PredictionOptions?[])[null, new() { Outputs = ["sum"] }, new() { Outputs = ["product"] }])
            {
                using var plain = await model.PredictAsync(request, outputs);
                using var miss = await harness.Cache.PredictAsync(request, outputs);
                using var hit = await harness.Cache.PredictAsync(request, outputs);
                Assert.Equal((PredictionSource.Model, PredictionSource.Cache), (miss.Origin.Source, hit.Origin.Source));
                Assert.Equal(plain.Count, hit.Count);
                for (var i = 0; i < plain.Count; i++)
                {
                    Assert.Equal(plain[i].Shape, hit[i].Shape);
                    Assert.Equal(plain[i].AsSpan<float>(), hit[i].AsSpan<float>());
                }
            }
        }
    }

    [Fact]
    public async Task PredictAsync_ShapesTwoByThreeAndThreeByTwo_AreOtherRequests()
    {
        using var model = TinyModels.FreeLength().Load();
        using var harness = new CacheHarness(model);
        float[] values = [1, 2, 3, 4, 5, 6];

        using var wide = await harness.Cache.PredictAsync(PredictionInputs.Rows(PredictionInput.Tensor("x", values, [2, 3])));
        using var tall = await harness.Cache.PredictAsync(PredictionInputs.Rows(PredictionInput.Tensor("x", values, [3, 2])));

        Assert.Equal([2, 3], wide[0].Shape.ToArray());
        Assert.Equal([3, 2], tall[0].Shape.ToArray());
        Assert.Equal(0, harness.Statistics.Hits);
    }

    [Fact]
    public async Task PredictAsync_InputsInAnotherOrder_IsTheSameRequest()
    {
        using var model = TinyModels.TwoInputs().Load();
        using var harness = new CacheHarness(model);
        var (a, b) = (PredictionInput.Tensor<float>("a", [1, 2, 3]), PredictionInput.Tensor<float>("b", [4, 5, 6]));

        (await harness.Cache.PredictAsync(PredictionInputs.Row(a, b))).Dispose();
        using var hit = await harness.Cache.PredictAsync(PredictionInputs.Row(b, a));

        Assert.Equal(PredictionSource.Cache, hit.Origin.Source);
        using var swapped = await harness.Cache.PredictAsync(PredictionInputs.Row(
            PredictionInput.Tensor<float>("a", [4, 5, 6]), PredictionInput.Tensor<float>("b", [1, 2, 3])));
        Assert.Equal(PredictionSource.Model, swapped.Origin.Source);
    }

    [Fact]
    public async Task PredictAsync_InvalidRequest_IsRefusedByTheModelAndNotKept()
    {
        using var model = TinyModels.TwoInputs().Load();
        using var harness = new CacheHarness(model);
        var twice = PredictionInput.Tensor<float>("a", [1, 2, 3]);

        foreach (var request in (PredictionInputs[])[default, PredictionInputs.Row(twice, twice),
            PredictionInputs.Row(PredictionInput.Tensor<float>("c", [1]))])
        {
            using var first = await harness.Cache.PredictAsync(request);
            using var second = await harness.Cache.PredictAsync(request);
            Assert.Equal((PredictionStatus.Invalid, PredictionStatus.Invalid), (first.Status, second.Status));
        }

        using var unknown = await harness.Cache.PredictAsync(
            PredictionInputs.Row(twice, PredictionInput.Tensor<float>("b", [1, 2, 3])), new() { Outputs = ["nothing"] });
        Assert.Equal(PredictionErrorCode.OutputUnknown, unknown.Error.Code);
        Assert.Equal((0, 0), (harness.Statistics.Entries, harness.Statistics.Hits));
    }

    [Fact]
    public async Task PredictAsync_Failures_AreNeverKept()
    {
        var inner = new FakePredictor(FakePredictor.Refusal);
        using var harness = new CacheHarness(inner);

        for (var i = 0; i < 3; i++)
            Assert.Equal(PredictionStatus.Overloaded, (await harness.Cache.PredictAsync(Answers.Request(1))).Status);

        Assert.Equal((3, 0), (inner.Calls, harness.Statistics.Entries));
    }

    [Fact]
    public async Task PredictAsync_AnswerOfAnother_IsNotKept()
    {
        var inner = new FakePredictor((inputs, _) => new(Answers.Of(1, new() { Source = PredictionSource.Fallback })));
        using var harness = new CacheHarness(inner);

        Assert.Equal(PredictionSource.Fallback, await harness.SourceOf(1));
        Assert.Equal(PredictionSource.Fallback, await harness.SourceOf(1));
        Assert.Equal(0, harness.Statistics.Entries);
    }

    [Fact]
    public async Task PredictAsync_KeysThatCollide_AreToldApartByTheSecondHash()
    {
        using var harness = new CacheHarness(new FakePredictor(), hasher: new CollidingHasher());

        for (var id = 0; id < 5; id++)
            Assert.Equal(PredictionSource.Model, await harness.SourceOf(id));
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(4));

        // Each stands in the place of the one before.
        Assert.Equal((1, 4), (harness.Statistics.Entries, harness.Statistics.Collisions));
    }

    [Fact]
    public async Task PredictAsync_EntryLargerThanTheCache_IsAnsweredAndNotKept()
    {
        var inner = new FakePredictor(static (_, _) =>
        {
            var writer = PredictionWriter.Create();
            writer.AddTensor<byte>("id", 100_000).Fill(9);
            return new(writer.Complete());
        });
        using var harness = new CacheHarness(inner, static options => options.SizeLimit = 65_536);

        for (var i = 0; i < 2; i++)
        {
            using var answer = await harness.Cache.PredictAsync(Answers.Request(1));
            Assert.Equal(100_000, answer[0].Length);
        }

        Assert.Equal((2, 0, 2, 0L), (inner.Calls, harness.Statistics.Entries, harness.Statistics.Rejections, harness.Statistics.Bytes));
    }

    [Fact]
    public async Task PredictAsync_HitWhileItsEntryIsEvictedAndItsStatePooled_KeepsItsAnswer()
    {
        using var harness = new CacheHarness(new FakePredictor(), static options => options.SizeLimit = 65_536);
        await harness.SourceOf(1);
        using var held = await harness.Cache.PredictAsync(Answers.Request(1));

        for (var id = 2; id < 500; id++)
            await harness.SourceOf(id);

        Assert.True(harness.Statistics.Evictions > 100);
        Assert.InRange(harness.Statistics.Bytes, 1, 65_536);
        Assert.Equal(1, held[0].ToScalar<long>());
        Assert.Equal(PredictionSource.Model, await harness.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_CallersOwnMemoryChangedAfterwards_DoesNotChangeTheKeptAnswer()
    {
        using var harness = new CacheHarness(new FakePredictor());
        long[] request = [5];
        (await harness.Cache.PredictAsync(PredictionInputs.Row(request))).Dispose();

        request[0] = 6;
        using var other = await harness.Cache.PredictAsync(PredictionInputs.Row(request));

        Assert.Equal((6, PredictionSource.Model), (other[0].ToScalar<long>(), other.Origin.Source));
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(5));
    }

    [Fact]
    public async Task PredictAsync_StringsSequencesAndMaps_ComeBackAsTheyWere()
    {
        var inner = new FakePredictor(static (_, _) =>
        {
            var state = PredictionState.Rent();
            var texts = state.Add();
            texts.SetTensor("texts", ElementType.String, [2]);
            texts.Strings[0] = "a";
            texts.Strings[1] = "é";
            var list = state.Add();
            list.SetComposite("list", ValueKind.Sequence, 1);
            var map = list.AddChild();
            map.SetComposite("", ValueKind.Map, 1);
            var keys = map.AddChild();
            keys.SetTensor("", ElementType.Int64, [1]);
            keys.Span<long>()[0] = 3;
            var values = map.AddChild();
            values.SetTensor("", ElementType.Float, [1]);
            values.Span<float>()[0] = 0.5f;
            return new(new Prediction(state));
        });
        using var harness = new CacheHarness(inner);

        for (var i = 0; i < 3; i++)
        {
            using var answer = await harness.Cache.PredictAsync(Answers.Request(1));
            Assert.Equal(["a", "é"], answer["texts"].ToArray<string>());
            Assert.Equal(new Dictionary<long, float> { [3] = 0.5f }, answer["list"][0].ToDictionary<long, float>());
        }

        Assert.Equal(1, inner.Calls);
        Assert.Equal(PredictionSource.Model, (await harness.Cache.PredictAsync(Answers.Request(2))).Origin.Source);
    }

    [Fact]
    public async Task PredictAsync_SequencesAndMapsThatDiffer_NeverShareAnAnswer()
    {
        using var harness = new CacheHarness(new FakePredictor(static (_, _) => new(Answers.Of(1))));
        var count = Composites().Count();

        // Twice, of objects of their own: the first time none may find another's answer, the second time each finds its own.
        for (var round = 0; round < 2; round++)
        {
            foreach (var input in Composites())
            {
                using var answer = await harness.Cache.PredictAsync(PredictionInputs.Row(input));
                Assert.Equal(round == 0 ? PredictionSource.Model : PredictionSource.Cache, answer.Origin.Source);
            }
        }

        Assert.Equal((count, count), (harness.Statistics.Misses, harness.Statistics.Hits));
    }

    private static IEnumerable<PredictionInput> Composites()
    {
        static PredictionInput List(params long[][] elements) =>
            PredictionInput.SequenceOf("x", [.. elements.Select(static element => PredictionInput.Tensor("", element))]);
        yield return List();
        yield return List([1]);
        yield return List([2]);
        yield return List([1], [2]);
        yield return List([2], [1]);
        yield return List([1, 2]);
        yield return List([1, 2], [3]);
        yield return List([1], [2, 3]);
        yield return List([1], []);
        yield return PredictionInput.SequenceOf("x", PredictionInput.Tensor("", new long[] { 1, 2 }, [1, 2]));
        yield return PredictionInput.SequenceOf("x", PredictionInput.Tensor("", new float[] { 1 }));
        yield return PredictionInput.SequenceOf("x", List([1]), List([2]));
        yield return PredictionInput.SequenceOf("x", List([1], [2]));
        yield return PredictionInput.SequenceOf("x", PredictionInput.Tensor("", ["ab", "c"]));
        yield return PredictionInput.SequenceOf("x", PredictionInput.Tensor("", ["a", "bc"]));
        foreach (var first in new long[] { 1, 2 })
            yield return List([.. Enumerable.Range(0, 200).Select(i => new[] { i == 0 ? first : i })]);
        yield return PredictionInput.Tensor("x", new long[] { 1 });
        yield return PredictionInput.MapOf("x", new Dictionary<long, float> { [1] = 1 });
        yield return PredictionInput.MapOf("x", new Dictionary<long, float> { [1] = 2 });
        yield return PredictionInput.MapOf("x", new Dictionary<long, float> { [2] = 1 });
        yield return PredictionInput.MapOf("x", new Dictionary<long, float> { [1] = 1, [2] = 1 });
        yield return PredictionInput.MapOf("x", new Dictionary<string, float> { ["1"] = 1 });
        yield return PredictionInput.SequenceOf("x", PredictionInput.MapOf("", new Dictionary<long, float> { [1] = 1 }));
        yield return PredictionInput.SequenceOf("x", PredictionInput.MapOf("", new Dictionary<long, float> { [1] = 2 }));
        yield return PredictionInput.Absent("x");
    }

    [Fact]
    public async Task PredictAsync_TimeToLiveOver_AsksTheModelAnewAndKeepsTheNewAnswer()
    {
        var inner = new FakePredictor();
        using var harness = new CacheHarness(inner, static options => options.TimeToLive = TimeSpan.FromMinutes(1));

        await harness.SourceOf(1);
        harness.Time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(1));
        harness.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(PredictionSource.Model, await harness.SourceOf(1));
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(1));
        Assert.Equal((2, 1), (inner.Calls, harness.Statistics.Entries));
    }

    [Fact]
    public async Task PredictAsync_ClockThatJumps_NeitherServesForEverNorLosesWhatIsGood()
    {
        using var harness = new CacheHarness(new FakePredictor(), static options => options.TimeToLive = TimeSpan.FromMinutes(1));
        await harness.SourceOf(1);

        harness.Time.AdjustTime(harness.Time.GetUtcNow().AddYears(-5));
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(1));
        using (var hit = await harness.Cache.PredictAsync(Answers.Request(1)))
            Assert.Equal(TimeSpan.Zero, hit.Origin.Age);
        harness.Time.Advance(TimeSpan.FromDays(4000));
        Assert.Equal(PredictionSource.Model, await harness.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_TokenCancelledBefore_Throws()
    {
        using var harness = new CacheHarness(new FakePredictor());
        await harness.SourceOf(1);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await harness.Cache.PredictAsync(Answers.Request(1), cancellationToken: new(true)));
    }

    [Fact]
    public async Task PredictAsync_Disposed_Throws()
    {
        var harness = new CacheHarness(new FakePredictor());
        await harness.SourceOf(1);
        harness.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await harness.Cache.PredictAsync(Answers.Request(1)));
    }

    [Fact]
    [CountsAllocations]
    public void PredictAsync_Hit_AllocatesNothing()
    {
        using var model = TinyModels.Affine(4096).Load();
        using var harness = new CacheHarness(model);
        var row = PredictionInputs.Row(new float[4096]);
        var named = PredictionInputs.Row(PredictionInput.Tensor("x", new float[4096], [4096]));

        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < 500; i++)
            {
#pragma warning disable CA2012 // Both are there at once.
                harness.Cache.PredictAsync(row).GetAwaiter().GetResult().Dispose();
                harness.Cache.PredictAsync(named).GetAwaiter().GetResult().Dispose();
#pragma warning restore CA2012
            }
        }));
        Assert.Equal(2, harness.Statistics.Misses);
    }

    /// <summary>All keys alike; the second hash as it is.</summary>
    private sealed class CollidingHasher : IRequestHasher
    {
        public bool TryHash(in PredictionInputs inputs, OutputSelection outputs, out RequestKey key)
        {
            var known = RequestHasher.Instance.TryHash(in inputs, outputs, out var real);
            key = new(42, real.Check);
            return known;
        }
    }
}
