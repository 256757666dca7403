using MlServe.Batching;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Onnx;

/// <summary>
/// A request of no rows is answered with no rows: it runs nothing that another caller has left, and is blamed for nothing.
/// </summary>
public sealed class NoRowsTests
{
    private const int Entries = 4;

    private static readonly string[] Paths = ["direct", "batched", "padded", "cached", "selected"];

    // Each row of a good request is answered; one of a bad request is refused by the runtime, and lies in the lane then.
    private static readonly Dictionary<string, (Func<TinyOnnx> Model, Func<int, bool, PredictionInput> Rows)> Cases = new()
    {
        ["numbers"] = (() => Lookup("N", 2), static (rows, isGood) => Ids(rows, 2, isGood)),
        ["a free axis"] = (() => Lookup("N", "T"), static (rows, isGood) => Ids(rows, 3, isGood)),
        ["rows behind the first axis"] = (() => Lookup(2, "N"), static (rows, isGood) => Ids(2, rows, isGood)),
        ["texts"] = (() => new TinyOnnx().Input("ids", ElementType.String, "N", 2)
            .Node("Cast", "ids", "y", TinyOnnx.Int("to", 1))
            .Output("y", ElementType.Float, "N", 2),
            static (rows, isGood) =>
                PredictionInput.Tensor("ids", Enumerable.Repeat(isGood ? "1" : "no number", 2 * rows).ToArray(), [rows, 2])),
        ["no zero allowed"] = (() => Lookup("N", 2, -1), static (rows, isGood) => Ids(rows, 2, isGood, 1)),
    };

    public static TheoryData<string, string> CasesAndPaths()
    {
        var data = new TheoryData<string, string>();
        foreach (var name in Cases.Keys)
        {
            foreach (var path in Paths)
            {
                if (path != "padded" || name == "a free axis") data.Add(name, path);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(CasesAndPaths))]
    public async Task PredictAsync_NoRowsAfterARequestThatWasRefused_IsAnsweredWithNoRows(string name, string path)
    {
        var (build, rowsOf) = Cases[name];
        await using var predictor = Open(build(), path, name == "rows behind the first axis" ? 1 : 0);
        var options = path == "selected" ? new PredictionOptions { Outputs = ["y"] } : null;
        for (var round = 0; round < 4; round++)
        {
            using (var refused = await predictor.PredictAsync(
                PredictionInputs.Rows(rowsOf(1, false)), options, TestContext.Current.CancellationToken))
                Assert.Equal(PredictionStatus.Invalid, refused.Status);

            using (var nothing = await predictor.PredictAsync(
                PredictionInputs.Rows(rowsOf(0, true)), options, TestContext.Current.CancellationToken))
            {
                var output = nothing.EnsureOk()["y"];
                Assert.Equal(0, output.Length);
                Assert.Equal(0, output.Shape[predictor.Signature.Outputs[0].BatchAxis!.Value]);
                Assert.Equal(predictor.Signature.Outputs[0].Shape.Count, output.Shape.Length);
            }

            using var answered = await predictor.PredictAsync(
                PredictionInputs.Rows(rowsOf(2, true)), options, TestContext.Current.CancellationToken);
            Assert.NotEqual(0, answered.EnsureOk()["y"].Length);
        }
    }

    [Fact]
    public void PredictAsync_NoRowsOfAModelOfOthers_IsAnsweredWithNoRows()
    {
        using var predictor = OnnxPredictor.Load(SharedData.PathOf("regressions/5-model.onnx"), new() { WarmUpRuns = 0 });
        Assert.Equal(PredictionStatus.Invalid, Ask.The(predictor, PredictionInputs.Rows(new long[] { 99, 99 }, 1)).Status);
        using var nothing = Ask.The(predictor, PredictionInputs.Rows(Array.Empty<long>(), 0));
        Assert.Equal([0, 2, 4], nothing.EnsureOk()[0].Shape.ToArray());
    }

    /// <summary>Looks ids up in a table of <see cref="Entries"/>; less an offset, 0 is none of them.</summary>
    private static TinyOnnx Lookup(object first, object second, long offset = 0) => new TinyOnnx()
        .Input("ids", ElementType.Int64, first, second)
        .Weight("offset", new long[] { offset * 1000 }).Weight("table", [10f, 11f, 12f, 13f], Entries)
        .Weight("one", new long[] { 1 }).Node("Equal", "ids zero", "isZero").Weight("zero", new long[] { 0 })
        .Node("Where", "isZero offset ids", "moved").Node("Gather", "table moved", "y").Output("y", ElementType.Float, first, second);

    private static PredictionInput Ids(int first, int second, bool isGood, long id = 2) =>
        PredictionInput.Tensor("ids", Enumerable.Repeat(isGood ? id : 99, first * second).ToArray(), [first, second]);

    private static IPredictor Open(TinyOnnx model, string path, int axis)
    {
        var predictor = model.Load(new() { WarmUpRuns = 0, BatchAxis = axis, MaxRequestBytes = 1 << 20 });
        return path switch
        {
            "batched" =>
                new PredictorBuilder(_ => predictor).UseBatching(static batching => batching.RunMode = RunMode.Queued)
                    .Build(new FakeServices(new RunGate(1))),
            "padded" => new PredictorBuilder(_ => predictor).UseBatching(static batching =>
            {
                batching.Padding.Axis = "T";
                batching.Padding.Buckets = [8];
            }).Build(new FakeServices(new RunGate(1))),
            "cached" =>
                new PredictorBuilder(_ => predictor).UseCache(static cache => cache.SwitchOffWhenUseless = false).Build(new FakeServices()),
            _ => predictor,
        };
    }
}
