using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>What a request takes is counted as it is: characters, parts and axes as well as numbers.</summary>
public sealed class RequestSizeTests
{
    private const int Limit = 100_000;

    private static readonly Dictionary<string, (Func<TinyOnnx> Model, Func<int, PredictionInput> Value)> Kinds = new()
    {
        ["numbers"] =
            (static () => TinyModels.FreeLength(), static size => PredictionInput.Tensor("x", new float[size / 4], [1, size / 4])),
        ["one long text"] = (static () => TinyModels.Identity(ElementType.String, "N", 1),
            static size => PredictionInput.Tensor("x", [new string('x', size / 2)], [1, 1])),
        ["texts that are one"] = (static () => TinyModels.Identity(ElementType.String, "N", 50),
            static size => PredictionInput.Tensor("x", Enumerable.Repeat(new string('x', size / 100), 50).ToArray(), [1, 50])),
        ["texts in memory"] = (static () => TinyModels.Identity(ElementType.String, "N", 1),
            static size => PredictionInput.Tensor<string>("x", new OwnedMemory<string>([new string('x', size / 2)]).Memory, [1, 1])),
        ["texts in a sequence"] = (static () => new TinyOnnx().InputOfSequence("x", ElementType.String)
            .Node("SequenceLength", "x", "y")
            .Output("y", ElementType.Int64),
            static size => PredictionInput.SequenceOf("x", PredictionInput.Tensor("", [new string('x', size / 2)], [1]))),
        ["many parts of nothing"] = (static () => new TinyOnnx().InputOfSequence("x", ElementType.Float)
            .Node("SequenceLength", "x", "y")
            .Output("y", ElementType.Int64),
            static size =>
                PredictionInput.SequenceOf(
                    "x", [.. Enumerable.Repeat(PredictionInput.Tensor("", Array.Empty<float>(), [0]), 1 + (size / 16))])),
    };

    public static TheoryData<string> Names() => [.. Kinds.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void PredictAsync_MoreThanTheLimit_IsTooLarge(string kind)
    {
        var (build, value) = Kinds[kind];
        using var predictor = build().Load(new() { MaxRequestBytes = Limit, WarmUpRuns = 0, BatchDetection = BatchDetection.None });
        Ask.TheError(predictor, PredictionInputs.Rows(value(Limit + 4)), PredictionErrorCode.RequestTooLarge, PredictionStatus.TooLarge);
        Ask.The(predictor, PredictionInputs.Rows(value(Limit / 2))).EnsureOk().Dispose();
    }

    [Fact]
    public void PredictAsync_ShapeOfAMillionAxes_IsRefusedAndNotKept()
    {
        using var predictor = new TinyOnnx().InputOfAnyShape("x", ElementType.Float)
            .Node("Shape", "x", "y")
            .OutputOfAnyShape("y", ElementType.Int64)
            .Load();
        var shape = new long[1_000_000];
        Array.Fill(shape, 1);
        Ask.TheError(
            predictor, PredictionInputs.Rows(PredictionInput.Tensor("x", new float[1], shape)), PredictionErrorCode.InputRankMismatch);
    }
}
