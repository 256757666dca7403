using System.Numerics.Tensors;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Resilience;
using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>
/// Whatever is not finite is refused before it lies beside another caller's row, in every type that has it and on every way that leads to a
/// model. The models pass their input on, so that none of them is known to take a NaN.
/// </summary>
public sealed class FiniteInputsTests
{
    private const int Width = 4;

    public static TheoryData<ElementType, string> TypesAndWays()
    {
        var data = new TheoryData<ElementType, string>();
        foreach (var type in (ElementType[])[ElementType.Float, ElementType.Double, ElementType.Float16, ElementType.BFloat16])
        {
            foreach (var way in (string[])["direct", "batched", "split", "cached", "padded", "all layers"])
                data.Add(type, way);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(TypesAndWays))]
    public async Task PredictAsync_EachKindOnEachWay_IsRefusedAndHarmsNobody(ElementType type, string way)
    {
        using var model = TinyModels.Identity(type, "N", "T").Load();
        await using var pipeline = Build(model, way).Build();
        await (type switch
        {
            ElementType.Float => WalkAsync(pipeline, type, static number => (float)number),
            ElementType.Double => WalkAsync(pipeline, type, static number => number),
            ElementType.Float16 => WalkAsync(pipeline, type, static number => (Half)number),
            _ => WalkAsync(pipeline, type, static number => (BFloat16)(float)number),
        });
        if (pipeline.GetService<CacheStatistics>() is { } cache) Assert.Equal(1, cache.Entries);
        if (pipeline.GetService<ICircuitBreaker>() is { } circuit)
            Assert.Equal((CircuitState.Closed, null), (circuit.State, circuit.LastFailure));
    }

    [Fact]
    public async Task PredictAsync_TypedDoor_RefusesAsWell()
    {
        using var model = TinyModels.Affine().Load();
        var typed = model.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4)[2] = value, static prediction => prediction["y"].AsSpan<float>()[2]);
        var thrown = await Assert.ThrowsAsync<PredictionException>(async () => await typed.PredictAsync(float.NaN,
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(PredictionErrorCode.InputNotFinite, thrown.Error.Code);
        Assert.Equal(5, await typed.PredictAsync(2, cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task PredictManyAsync_OneOfThemBad_OnlyThatIsRefused()
    {
        using var model = TinyModels.Affine().Load();
        using var pipeline = new PredictorBuilder(model).UseBatching(static batching => batching.RunMode = RunMode.Queued).Build();
        PredictionInputs[] requests =
            [.. Enumerable.Range(0, 64).Select(static i => PredictionInputs.Row<float>([i, i, i, i == 33 ? float.PositiveInfinity : i]))];
        using var answers = await pipeline.PredictManyAsync(requests, cancellationToken: TestContext.Current.CancellationToken);
        for (var i = 0; i < answers.Count; i++)
        {
            if (i == 33) Assert.Equal(PredictionErrorCode.InputNotFinite, answers[i].Error.Code);
            else Assert.Equal((2 * i) + 1, answers[i]["y"].AsSpan<float>()[3]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_InputThatAllRowsShare_IsRefused(bool batched)
    {
        using var model = new TinyOnnx().Input("x", ElementType.Float, "N", 2).Input("scale", ElementType.Float, 1)
            .Node("Mul", "x scale", "y").Output("y", ElementType.Float, "N", 2).Load();
        using var pipeline = batched ? new PredictorBuilder(model).UseBatching().Build() : new PredictorBuilder(model).Build();
        var error = Ask.TheError(
            pipeline, PredictionInputs.Row(PredictionInput.Tensor("x", [1f, 2f]), PredictionInput.Tensor("scale", [float.NaN])),
            PredictionErrorCode.InputNotFinite);
        Ask.Says(error.Message, "'default'", "scale: float[1]", "a NaN at element 0");
        using var good = await pipeline.PredictAsync(
            PredictionInputs.Row(PredictionInput.Tensor("x", [1f, 2f]), PredictionInput.Tensor("scale", [3f])), null,
            TestContext.Current.CancellationToken);
        Assert.Equal([3f, 6f], good.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void PredictAsync_PlaceIsTold_InTheShapeThatCame()
    {
        using var model = TinyModels.Identity(ElementType.Float, "N", 3, 4).Load();
        var flat = new float[24];
        flat[17] = float.NegativeInfinity;
        Ask.Says(Ask.TheError(model, PredictionInputs.Rows(flat, 2), PredictionErrorCode.InputNotFinite).Message,
            "Input x: float[N,3,4] holds a negative infinity at element 17 ([1,1,1] of [2,3,4])",
            "MlServing:Models:default:Onnx:NonFiniteInputs:x");
        var row = new float[12];
        row[7] = float.NaN;
        Ask.Says(
            Ask.TheError(model, PredictionInputs.Row(row), PredictionErrorCode.InputNotFinite).Message,
            "a NaN at element 7 ([1,3] of [3,4])");
        Ask.Says(
            Ask.TheError(model, PredictionInputs.Row(PredictionInput.Tensor("x", row, [3, 4])), PredictionErrorCode.InputNotFinite).Message,
            "element 7 ([1,3] of [3,4])");
    }

    [Fact]
    public void PredictAsync_MemoryOfAllSorts_IsLookedAt()
    {
        using var model = TinyModels.Identity(ElementType.Float, "N", Width).Load();
        float[] numbers = [9, 0, 1, 2, float.NaN, 9];
        var expected = PredictionErrorCode.InputNotFinite;
        Ask.TheError(model, PredictionInputs.Row<float>(numbers.AsMemory(1, 4)), expected);
        Ask.TheError(model, PredictionInputs.Row<float>(new OwnedMemory<float>(numbers).Memory[1..5]), expected);
        Ask.TheError(
            model, PredictionInputs.Rows(Tensor.Create([1, 2, 3, 4, 0, 6, 7, 8, float.NaN, 0], [2, 5]).Slice([0..2, 0..4])), expected);

        // What lies beside a slice is nobody's.
        Ask.The(model, PredictionInputs.Row<float>(new float[] { float.NaN, 1, 2, 3, 4, float.NaN }.AsMemory(1, 4))).EnsureOk().Dispose();
        Ask.The(model, PredictionInputs.Rows(Tensor.Create([1, 2, 3, 4, float.NaN, 6, 7, 8, 9, float.NaN], [2, 5]).Slice([0..2, 0..4])))
            .EnsureOk()
            .Dispose();
    }

    [Fact]
    public void PredictAsync_PartsOfASequence_AreLookedAt()
    {
        using var model = SequenceModel().Load(new() { SampleInputs = { Sequence([1f, 2f], [3f]) } });
        Ask.The(model, Sequence([1f], [2f, 3f])).EnsureOk().Dispose();
        var error = Ask.TheError(model, Sequence([1f], [2f, float.NaN]), PredictionErrorCode.InputNotFinite);
        Ask.Says(error.Message, "a NaN at element 1 of part 1");

        using var taking = SequenceModel()
            .Load(new() { SampleInputs = { Sequence([1f, 2f], [3f]) }, NonFiniteInputs = { ["s"] = NonFiniteValues.NaN } });
        Ask.The(taking, Sequence([1f], [2f, float.NaN])).EnsureOk().Dispose();
        Ask.TheError(taking, Sequence([1f], [2f, float.NegativeInfinity]), PredictionErrorCode.InputNotFinite);
    }

    [Fact]
    public void PredictAsync_NotGivenOrTooLarge_IsToldBeforeItsElements()
    {
        using var model = TinyModels.TwoInputs().Load(new() { MaxRequestBytes = 64 });
        Ask.TheError(model, PredictionInputs.Row(PredictionInput.Tensor("a", [float.NaN, 0, 0])), PredictionErrorCode.InputMissing);
        Ask.TheError(
            model,
            PredictionInputs.Rows(
                50, PredictionInput.Tensor("a", Enumerable.Repeat(float.NaN, 150).ToArray()), PredictionInput.Tensor("b", new float[150])),
            PredictionErrorCode.RequestTooLarge, PredictionStatus.TooLarge);
        Ask.Says(
            Ask.TheError(
                model, PredictionInputs.Row(PredictionInput.Tensor("a", new float[3]), PredictionInput.Tensor("b", [0, float.NaN, 0])),
            PredictionErrorCode.InputNotFinite).Message, "Input b:", "element 1");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PredictAsync_NothingAlongThePaddedAxis_IsRefused(bool byName)
    {
        using var model = TinyModels.FreeLength().Load(new() { BatchAxis = 0 });
        using var pipeline = Build(model, "padded").Build();
        var nothing = byName
            ? PredictionInputs.Rows(PredictionInput.Tensor("x", Array.Empty<float>(), [1, 0]))
            : PredictionInputs.Row(Array.Empty<float>());
        var error = Ask.TheError(pipeline, nothing, PredictionErrorCode.InputEmpty);
        Ask.Says(error.Message, "x: float[N,T]", "axis 'T'", "MlServing:Models:default:Batching:Padding:Axis");
        Ask.The(pipeline, PredictionInputs.Row([1f])).EnsureOk().Dispose();
    }

    [Fact]
    public void UseBatching_FillsWithWhatTheModelDoesNotTake_IsRefusedAtBuild()
    {
        using var model = TinyModels.FreeLength().Load(new() { BatchAxis = 0 });
        IPredictor Padded(double value) => new PredictorBuilder(model).UseBatching(batching =>
        {
            (batching.Padding.Axis, batching.Padding.Buckets) = ("T", [8]);
            batching.Padding.Values["x"] = value;
        }).Build();
        foreach (var value in (double[])[double.NaN, double.NegativeInfinity, 1e39])
            Ask.Says(
                Assert.Throws<ArgumentException>(() => Padded(value)).Message, "Padding:Values", "x: float[N,T]", "Onnx:NonFiniteInputs:x");
        using var finite = Padded(-1e30);
        Ask.The(finite, PredictionInputs.Row([1f])).EnsureOk().Dispose();
    }

    private static async Task WalkAsync<T>(IPredictor pipeline, ElementType type, Func<double, T> of)
    {
        var good = new T[Width];
        for (var i = 0; i < Width; i++)
            good[i] = of(i + 1);
        for (var round = 0; round < 2; round++)
        {
            foreach (var number in (double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity])
            {
                for (var place = 0; place < Width; place++)
                {
                    var bad = (T[])good.Clone();
                    bad[place] = of(number);
                    T[] rows = [.. good, .. bad];
                    Task<Prediction>[] wrong =
                    [
                        Send(pipeline, PredictionInputs.Row(bad)),
                        Send(pipeline, PredictionInputs.Rows(rows, 2)),
                        Send(pipeline, PredictionInputs.Row(PredictionInput.Tensor("x", bad, [Width]))),
                        Send(pipeline, PredictionInputs.Rows(Tensor.Create(rows, [2, Width]))),
                    ];
                    var right = Enumerable.Range(0, 4).Select(_ => Send(pipeline, PredictionInputs.Row(good))).ToArray();
                    for (var i = 0; i < wrong.Length; i++)
                    {
                        using var refused = await wrong[i];
                        Assert.Equal(
                            (type, PredictionStatus.Invalid, PredictionErrorCode.InputNotFinite),
                            (type, refused.Status, refused.Error.Code));
                        Assert.Matches($"^Input x: .* at element {(i % 2 == 0 ? place : Width + place)}\\b", refused.Error.Message);
                    }

                    foreach (var task in right)
                    {
                        using var answer = await task;
                        Assert.Equal(good, answer.EnsureOk()["y"].ToArray<T>());
                    }
                }
            }
        }
    }

    private static Task<Prediction> Send(IPredictor pipeline, PredictionInputs inputs) =>
        pipeline.PredictAsync(inputs, null, TestContext.Current.CancellationToken).AsTask();

    private static PredictorBuilder Build(IPredictor model, string way)
    {
        void Queued(BatchingOptions batching) => (batching.RunMode, batching.MaxBatchSize) = (RunMode.Queued, way == "split" ? 1 : 8);
        void Padded(BatchingOptions batching)
        {
            Queued(batching);
            (batching.Padding.Axis, batching.Padding.Buckets) = ("T", [8]);
        }

        var builder = new PredictorBuilder(model);
        return way switch
        {
            "direct" => builder,
            "batched" or "split" => builder.UseBatching(Queued),
            "cached" => builder.UseCache(),
            "padded" => builder.UseBatching(Padded),
            _ => builder.UseCache().UseTimeout().UseCircuitBreaker().UseBatching(Padded),
        };
    }

    private static PredictionInputs Sequence(params float[][] parts) =>
        PredictionInputs.Row(PredictionInput.SequenceOf(
            "s", [.. parts.Select(static part => PredictionInput.Tensor("", part, [part.Length]))]));

    private static TinyOnnx SequenceModel() => new TinyOnnx()
        .InputOfSequence("s", ElementType.Float)
        .Node("ConcatFromSequence", "s", "y", TinyOnnx.Int("axis", 0))
        .Output("y", ElementType.Float, "M");
}
