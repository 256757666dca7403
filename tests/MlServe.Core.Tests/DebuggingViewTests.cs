using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>What debuggers show of requests and answers: short, never an exception, and nothing of what a request holds.</summary>
public sealed class DebuggingViewTests
{
    /// <summary>Stands in every value of a request here, and must be in no text.</summary>
    private const long Secret = 8675309;

    private static readonly Type[] Types =
    [
        typeof(Prediction), typeof(PredictionOutput), typeof(PredictionInputs), typeof(PredictionInput), typeof(OwnedInputs),
        typeof(ModelSignature), typeof(ValueSignature), typeof(PredictionError),
    ];

    [Fact]
    public void Types_AllOfThem_AreShownByTheirText() => Assert.All(Types, static type =>
    {
        Assert.Equal("{ToString(),nq}", type.GetCustomAttribute<DebuggerDisplayAttribute>()?.Value);
        Assert.Equal(type, type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType);
        if (type.IsValueType) Assert.NotEqual("", RuntimeHelpers.GetUninitializedObject(type).ToString());
    });

    [Fact]
    public void ToString_Inputs_SaysShapesAndNoElement()
    {
        long[] values = [Secret, Secret];
        using var broken = new ThrowingMemory();
        PredictionInput[] inputs =
        [
            PredictionInput.Tensor("ids", values, [1, 2]), PredictionInput.Tensor("ids", values), PredictionInput.Scalar("n", Secret),
            PredictionInput.Tensor("words", [$"{Secret}"]),
            PredictionInput.MapOf("p", new Dictionary<string, float> { [$"{Secret}"] = Secret }),
            PredictionInput.SequenceOf("s", PredictionInput.Tensor("", values)), PredictionInput.Absent("mask"), default,
            PredictionInput.Tensor(new string('n', 1000), values, [.. Enumerable.Repeat(1L, 1000)]),
            PredictionInput.Tensor<float>("broken", broken.Memory),
        ];

        Assert.Equal(
            ["ids: int64[1,2]", "ids: 2 of int64", "n: int64[]", "words: 1 of string", "p: map of 1", "s: sequence of 1", "mask: absent",
                "default", $"{new string('n', 64)}...: int64[1,1,1,1,1,1,1,1,...]", "broken: 4 of float"],
            inputs.Select(static input => input.ToString()));
        Assert.Equal(
            "rows: ids: int64[1,2], ids: 2 of int64, n: int64[], words: 1 of string and 6 more", PredictionInputs.Rows(inputs).ToString());
        Assert.Equal("row: 2 of int64", PredictionInputs.Row(values).ToString());
        Assert.Equal("2 rows: 2 of int64", PredictionInputs.Rows(values, 2).ToString());
        Assert.Equal("rows: nothing", default(PredictionInputs).ToString());
    }

    [Fact]
    public void ToString_OwnedInputs_SaysThatTheyAreDisposed()
    {
        var owned = PredictionInputs.Row(PredictionInput.Tensor("ids", [Secret, Secret], [2])).Copy();
        var inputs = owned.Inputs;
        Assert.Equal("16 bytes copied, row: ids: int64[2]", owned.ToString());

        owned.Dispose();

        Assert.Equal("disposed", owned.ToString());
        Assert.Equal("row: ids: int64[2], disposed", inputs.ToString());
    }

    [Fact]
    public void ToString_Prediction_SaysItsOutputsUntilItIsDisposed()
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<long>("scores", [Secret], [1]);
        writer.AddMap("p", new Dictionary<long, float> { [Secret] = Secret });
        writer.AddSequence("boxes").AddTensor<long>([Secret], [1]);
        writer.AddAbsent("mask");
        writer.AddTensor<float>("more", 3);
        var prediction = writer.Complete();
        PredictionOutput[] outputs =
            [.. Enumerable.Range(0, prediction.Count).Select(i => prediction[i]), prediction["p"].Keys, prediction["boxes"][0]];
        string[] expected =
            ["scores: int64[1]", "p: map of 1", "boxes: sequence of 1", "mask: absent", "more: float[3]", "int64[1]", "int64[1]"];
        Assert.Equal(expected, outputs.Select(static output => output.ToString()));
        Assert.Equal($"Ok: {string.Join(", ", expected[..4])} and 1 more", prediction.ToString());

        prediction.Dispose();

        Assert.Equal("disposed", prediction.ToString());
        Assert.All(outputs, static output => Assert.Equal("disposed", output.ToString()));
        Assert.Equal("disposed", default(PredictionOutput).ToString());
    }

    [Fact]
    public void ToString_Errors_AreTheirStatusAndText()
    {
        var error = new PredictionError(PredictionStatus.RateLimited, PredictionErrorCode.None, "{0} a minute, {9}", 3);
        Assert.Equal("RateLimited: {0} a minute, {9}", error.ToString());
        Assert.Equal(error.ToString(), Prediction.FromError(error).ToString());
        Assert.StartsWith("Failed: default(Prediction)", default(Prediction).ToString(), StringComparison.Ordinal);
    }

    private sealed class ThrowingMemory : System.Buffers.MemoryManager<float>
    {
        public override Memory<float> Memory => CreateMemory(4);

        public override Span<float> GetSpan() => throw new InvalidOperationException("The memory is gone.");

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => throw new InvalidOperationException("The memory is gone.");

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
