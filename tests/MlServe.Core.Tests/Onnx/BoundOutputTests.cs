using Microsoft.ML.OnnxRuntime;
using MlServe.Batching;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Onnx;

/// <summary>
/// Memory that is bound for outputs is not believed: whatever a graph does with its outputs, each answer is the runtime's own, on every
/// path. The first requests are answered without bound memory, the later ones with it.
/// </summary>
public sealed class BoundOutputTests
{
    private const int Requests = 12;

    private static readonly string[] Paths = ["direct", "selected", "batched", "cached", "optimized", "sessions"];

    private static readonly Dictionary<string, (Func<TinyOnnx> Model, Func<int, PredictionInputs> Inputs)> Cases = new()
    {
        ["an output is an input"] = (() => Affine().Output("x", ElementType.Float, "N", 2), Numbers),
        ["an output is an input of another type"] =
            (() => Affine().Input("id", ElementType.Int64, "N").Output("id", ElementType.Int64, "N"), static i => NumbersAnd(i, Ids(i))),
        ["an output is a text that is an input"] =
            (() => Affine().Input("t", ElementType.String, "N").Output("t", ElementType.String, "N"), static i => NumbersAnd(i, Texts(i))),
        ["an output is an input that holds for all rows"] = (() => Affine()
            .Input("k", ElementType.Float, 2)
            .Output("k", ElementType.Float, 2),
            static i => NumbersAnd(i, PredictionInput.Tensor("k", new float[] { i, -i }, [2]))),
        ["all outputs are inputs"] = (() => new TinyOnnx().Input("x", ElementType.Float, "N", 2)
            .Node("Neg", "x", "unused")
            .Output("x", ElementType.Float, "N", 2), Numbers),
        ["an output is a constant"] = (() => Affine().Output("two", ElementType.Float, 1), Numbers),
        ["an output is an input with a default"] =
            (() => Affine().Input("two", ElementType.Float, 1).Output("two", ElementType.Float, 1), Numbers),
        ["an output is an input with a default, which is given"] = (() => Affine()
            .Input("two", ElementType.Float, 1)
            .Output("two", ElementType.Float, 1),
            static i => NumbersAnd(i, PredictionInput.Tensor("two", new float[] { i }, [1]))),
        ["outputs are names of one value"] = (() => Affine().Node("Identity", "y", "a").Node("Identity", "y", "b")
            .Node("Identity", "x", "c")
            .Output("a", ElementType.Float, "N", 2).Output("b", ElementType.Float, "N", 2).Output("c", ElementType.Float, "N", 2), Numbers),
        ["outputs are views of one value"] = (() => Affine().Weight("flat", new long[] { -1, 1 }, 2).Node("Reshape", "y flat", "a")
            .Node("Flatten", "y", "b").Node("Transpose", "y", "c")
            .Output("a", ElementType.Float, null, 1).Output("b", ElementType.Float, "N", 2).Output("c", ElementType.Float, 2, "N"),
            Numbers),
        ["parts and their whole"] = (() => new TinyOnnx().Input("x", ElementType.Float, "N", 2)
            .Node("Split", "x", "a b", TinyOnnx.Int("axis", 1))
            .Node("Concat", "a b", "y", TinyOnnx.Int("axis", 1)).Output("b", ElementType.Float, "N", 1)
            .Output("y", ElementType.Float, "N", 2).Output("a", ElementType.Float, "N", 1), Numbers),
        ["places of what is not zero"] = (() => new TinyOnnx().Input("x", ElementType.Float, "N", 2)
            .Node("NonZero", "x", "y")
            .Output("y", ElementType.Int64, 2, null), Sparse),
        ["distinct values"] = (() => new TinyOnnx().Input("x", ElementType.Float, "N", 2)
            .Node("Unique", "x", "y p q n")
            .Output("y", ElementType.Float, "M")
            .Output("n", ElementType.Int64, "M"), Sparse),
        ["what a mask lets through"] = (() => Affine().Node("Greater", "x two", "m").Weight("flat", new long[] { -1 }, 1)
            .Node("Reshape", "m flat", "f").Node("Compress", "x f", "c")
            .Output("c", ElementType.Float, "M"), Sparse),
        ["boxes that are kept"] = (Boxes,
            static i =>
                PredictionInputs.Rows(PredictionInput.Tensor(
                    "x", Sequence(i, 24, static (i, at) => at % 4 < 2 ? 0 : 1 + (i * at % 3)), [1, 6, 4]))),
        ["as many as the data say"] = (() => new TinyOnnx().Input("x", ElementType.Float, "N", 4).Input("k", ElementType.Int64, 1)
            .Node("TopK", "x k", "v i")
            .Output("v", ElementType.Float, "N", null).Output("i", ElementType.Int64, "N", null),
            static i =>
                PredictionInputs.Rows(
                    PredictionInput.Tensor("x", Sequence(i, 8), [2, 4]), PredictionInput.Tensor("k", new long[] { 4 - (i % 4) }, [1]))),
        ["nothing at all"] = (() => Affine().Weight("from", new long[] { 0 }, 1).Weight("axis", new long[] { 1 }, 1)
            .Node("Slice", "x from from axis", "none")
            .Output("none", ElementType.Float, "N", 0), Numbers),
        ["a branch of two"] = (() => Branches(new TinyOnnx().Node("Identity", "x", "t").Output("t", ElementType.Float, "N", 2)),
            static i => NumbersAnd(i, Condition(i % 3 == 0))),
        ["a branch of another shape"] = (() =>
            Branches(new TinyOnnx().Node("Transpose", "x", "t").Output("t", ElementType.Float, null, null)),
            static i => NumbersAnd(i, Condition(i > 5))),
        ["a loop that runs or not"] = (Loop, static i => NumbersAnd(i, PredictionInput.Tensor("m", new long[] { i % 3 }, []))),
        ["a value out of a sequence"] = (() => new TinyOnnx().Input("x", ElementType.Float, "N", 2).Weight("p", new long[] { 0 })
            .Node("SequenceConstruct", "x", "q").Node("SequenceAt", "q p", "y")
            .Output("y", ElementType.Float, "N", 2), Numbers),
        ["a sequence beside a tensor"] =
            (() => Affine().Node("SequenceConstruct", "x y", "q").Node("SequenceLength", "q", "n").Output("n", ElementType.Int64), Numbers),
        ["random numbers"] =
            (() => Affine().Node("RandomNormalLike", "x", "r").Node("Sub", "r r", "z").Output("z", ElementType.Float, "N", 2), Numbers),
        ["bytes that look like the mark"] = (() => TinyModels.Identity(ElementType.UInt8, "N", 8), static i => Marks(i, 8)),
        ["a byte that looks like the mark"] = (() => TinyModels.Identity(ElementType.UInt8, "N", 1), static i => Marks(i, 1)),
        ["not a number"] = (() => new TinyOnnx().Input("x", ElementType.Float, "N", 2)
            .Node("Log", "x", "y")
            .Output("y", ElementType.Float, "N", 2),
            static i =>
                PredictionInputs.Rows(PredictionInput.Tensor("x", Sequence(i, 2 * RowsOf(i), static (_, at) => -1 - at), [RowsOf(i), 2]))),
    };

    public static TheoryData<string, string> CasesAndPaths()
    {
        var data = new TheoryData<string, string>();
        foreach (var name in Cases.Keys)
        {
            foreach (var path in Paths)
                data.Add(name, path);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(CasesAndPaths))]
    public async Task PredictAsync_WhateverTheGraphDoesWithItsOutputs_AnswersAsTheRuntimeAlone(string name, string path)
    {
        var (build, inputsOf) = Cases[name];
        var bytes = build().ToArray();
        using var folder = new TemporaryFolder();
        await using var predictor = await OpenAsync(bytes, path, folder.Path);
        using var alone = new InferenceSession(bytes);
        string?[] selections = path == "selected" ? [null, .. alone.OutputNames] : [null];
        for (var i = 0; i < 2 * Requests; i++)
        {
            var inputs = inputsOf(i % Requests);
            foreach (var output in selections)
            {
                var options = output is null ? null : new PredictionOptions { Outputs = [output] };
                using var answer = await predictor.PredictAsync(inputs, options, TestContext.Current.CancellationToken);
                AssertSame(alone, in inputs, answer.EnsureOk(), i);
            }
        }
    }

    [Fact]
    public async Task PredictAsync_ModelOfOthersGivesAnInputBack_AnswersAsTheRuntimeAlone()
    {
        var bytes = await File.ReadAllBytesAsync(SharedData.PathOf("regressions/1-model.onnx"), TestContext.Current.CancellationToken);
        await using var predictor = await OpenAsync(bytes, "batched", "");
        using var alone = new InferenceSession(bytes);
        for (var i = 0; i < Requests; i++)
        {
            var inputs = PredictionInputs.Rows(Ids(i), PredictionInput.Tensor("f", Sequence(i, 2 * RowsOf(i)), [RowsOf(i), 2]));
            using var answer = await predictor.PredictAsync(inputs, null, TestContext.Current.CancellationToken);
            AssertSame(alone, in inputs, answer.EnsureOk(), i);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PredictAsync_RuntimeLeavesAnOutputUnwritten_SaysSoAndAnswersTheOthers(bool always)
    {
        using var predictor = Passing(always).Load(new() { WarmUpRuns = 0, BatchDetection = BatchDetection.None });
        for (var i = 0; i < Requests; i++)
        {
            var isUnwritten = always || i % 3 == 2;
            var inputs = NumbersAnd(0, Condition(!isUnwritten));
            using var answer = Ask.The(predictor, in inputs);
            if (isUnwritten && (!always || i > 0))
            {
                Assert.Equal((PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed), (answer.Status, answer.Error.Code));
                Ask.Says(answer.Error.Message, "'sc'", "unwritten", "Identity");
            }

            using var other = Ask.The(predictor, in inputs, new() { Outputs = ["y"] });
            Assert.Equal([1, 2], other.EnsureOk()["y"].ToArray<float>());
        }
    }

    private static TinyOnnx Affine() => new TinyOnnx()
        .Input("x", ElementType.Float, "N", 2).Weight("two", [2f], 1).Node("Mul", "x two", "y").Output("y", ElementType.Float, "N", 2);

    /// <summary>A Scan whose body gives its input back, for which the runtime writes nothing: always, or in one branch of two.</summary>
    private static TinyOnnx Passing(bool always)
    {
        var body = new TinyOnnx().Input("a", ElementType.Float, 2).Input("b", ElementType.Float, 2).Node("Neg", "a", "ao")
            .Output("ao", ElementType.Float, 2).Output("b", ElementType.Float, 2);
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", 2).Input("c", ElementType.Bool).Weight("z", [0f, 0f], 2)
            .Node("Abs", "x", "y").Output("y", ElementType.Float, "N", 2).Output("sc", ElementType.Float, "N", 2);
        if (always) return model.Node("Scan", "z x", "st sc", TinyOnnx.Int("num_scan_inputs", 1), TinyOnnx.Graph("body", body));
        var unwritten = new TinyOnnx().Node("Scan", "z x", "st t", TinyOnnx.Int("num_scan_inputs", 1), TinyOnnx.Graph("body", body))
            .Output("t", ElementType.Float, "N", 2);
        var written = new TinyOnnx().Node("Neg", "x", "e").Output("e", ElementType.Float, "N", 2);
        return model.Node("If", "c", "sc", TinyOnnx.Graph("then_branch", written), TinyOnnx.Graph("else_branch", unwritten));
    }

    private static TinyOnnx Branches(TinyOnnx then) => new TinyOnnx().Input("x", ElementType.Float, "N", 2).Input("c", ElementType.Bool)
        .Node(
            "If", "c", "y", TinyOnnx.Graph("then_branch", then),
            TinyOnnx.Graph("else_branch", new TinyOnnx().Node("Neg", "x", "e").Output("e", ElementType.Float, null, null)))
        .Output("y", ElementType.Float, null, null);

    /// <summary>Its body gives its input back.</summary>
    private static TinyOnnx Loop() => new TinyOnnx().Input("x", ElementType.Float, "N", 2).Input("m", ElementType.Int64)
        .Node("Loop", "m - x", "y sc", TinyOnnx.Graph("body", new TinyOnnx()
            .Input("i", ElementType.Int64).Input("go", ElementType.Bool).Input("v", ElementType.Float, "N", 2)
            .Node("Identity", "go", "goes").Node("Neg", "v", "s")
            .Output("goes", ElementType.Bool).Output("v", ElementType.Float, "N", 2).Output("s", ElementType.Float, "N", 2)))
        .Output("y", ElementType.Float, "N", 2).Output("sc", ElementType.Float, null, "N", 2);

    private static TinyOnnx Boxes() => new TinyOnnx().Input("x", ElementType.Float, 1, 6, 4)
        .Weight("scores", [.6f, .5f, .4f, .3f, .2f, .1f], 1, 1, 6).Weight("most", new long[] { 6 }, 1).Weight("overlap", [.5f], 1)
        .Weight("least", [0f], 1)
        .Node("NonMaxSuppression", "x scores most overlap least", "y").Output("y", ElementType.Int64, "M", 3);

    private static int RowsOf(int i) => 1 + (i % 3);

    private static PredictionInputs Numbers(int i) => NumbersAnd(i);

    private static PredictionInputs NumbersAnd(int i, params PredictionInput[] others) =>
        PredictionInputs.Rows([PredictionInput.Tensor("x", Sequence(i, 2 * RowsOf(i)), [RowsOf(i), 2]), .. others]);

    /// <summary>Fewer zeros from request to request, and then more.</summary>
    private static PredictionInputs Sparse(int i) =>
        PredictionInputs.Rows(PredictionInput.Tensor("x", Sequence(i, 4, static (i, at) => at < Math.Abs(6 - i) ? at + 3 : 0), [2, 2]));

    private static PredictionInput Ids(int i) =>
        PredictionInput.Tensor("id", Enumerable.Range(100 * i, RowsOf(i)).Select(static id => (long)id).ToArray(), [RowsOf(i)]);

    private static PredictionInput Texts(int i) =>
        PredictionInput.Tensor("t", Enumerable.Range(100 * i, RowsOf(i)).Select(static id => $"text {id}").ToArray(), [RowsOf(i)]);

    private static PredictionInput Condition(bool value) => PredictionInput.Scalar("c", value);

    private static PredictionInputs Marks(int i, int width) =>
        PredictionInputs.Rows(PredictionInput.Tensor(
            "x", Enumerable.Repeat((byte)(i == 4 ? 1 : 0xA5), width * RowsOf(i)).ToArray(), [RowsOf(i), width]));

    private static float[] Sequence(int i, int count, Func<int, int, float>? value = null) =>
        [.. Enumerable.Range(0, count).Select(at => value?.Invoke(i, at) ?? (10 * i) + at + 1)];

    private static async Task<IPredictor> OpenAsync(byte[] bytes, string path, string folder)
    {
        var options = new OnnxModelOptions
        {
            WarmUpRuns = 0,
            Sessions = path == "sessions" ? 3 : 1,
            OptimizedModelCacheFolder = path == "optimized" ? folder : null,
        };
        if (path == "optimized") await (await LoadAsync()).DisposeAsync();
        var model = await LoadAsync();
        return path switch
        {
            "batched" =>
                new PredictorBuilder(_ => model).UseBatching(static batching => batching.RunMode = RunMode.Queued)
                    .Build(new FakeServices(new RunGate(2))),
            "cached" =>
                new PredictorBuilder(_ => model).UseCache(static cache => cache.SwitchOffWhenUseless = false)
                    .UseBatching()
                    .Build(new FakeServices(new RunGate(2))),
            _ => model,
        };

        async Task<OnnxPredictor> LoadAsync() =>
            await OnnxPredictor.LoadAsync(ModelSource.FromBytes(bytes), options, null, TestContext.Current.CancellationToken);
    }

    private static void AssertSame(InferenceSession alone, in PredictionInputs inputs, Prediction answer, int request)
    {
        string[] names = [.. alone.InputNames, .. alone.OverridableInitializerMetadata.Keys];
        var given = new List<string>();
        var values = new List<OrtValue>();
        for (var i = 0; i < inputs.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
            if (!names.Contains(input.Name)) continue;
            given.Add(input.Name!);
            values.Add(OrtInputs.Create(in input));
        }

        using var options = new RunOptions();
        using var expected = alone.Run(options, given, values, alone.OutputNames);
        for (var output = 0; output < answer.Count; output++)
        {
            var actual = answer.ValueAt(output);
            var right = new OutputValue();
            OrtOutputs.Copy(expected.ElementAt(alone.OutputNames.ToList().IndexOf(actual.Name)), right, actual.Name, RowSlice.Whole);
            Assert.True(
                right.Shape.SequenceEqual(actual.Shape),
                $"Request {request}, output '{actual.Name}': shape {Shapes.Format(actual.Shape)} where it is "
                    + $"{Shapes.Format(right.Shape)}.");
            Assert.True(right.Bytes.SequenceEqual(actual.Bytes), $"Request {request}, output '{actual.Name}' is not as it should be.");
            if (right.ElementType == ElementType.String) Assert.Equal(right.Strings.ToArray(), actual.Strings.ToArray());
        }

        foreach (var value in values)
            value.Dispose();
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("mlserve-bound-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
