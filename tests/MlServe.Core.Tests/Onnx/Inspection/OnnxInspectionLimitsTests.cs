using Xunit;
using static MlServe.Onnx.Inspection.Models;

namespace MlServe.Onnx.Inspection;

public class OnnxInspectionLimitsTests
{
    [Fact]
    public void Defaults_AreAsDocumented()
    {
        var limits = new OnnxInspectionLimits();
        Assert.Equal(32, limits.MaxDepth);
        Assert.Equal(1_000_000, limits.MaxNodes);
        Assert.Equal(1_000_000, limits.MaxTensors);
        Assert.Equal(100_000, limits.MaxEntries);
        Assert.Equal(16_384, limits.MaxNameLength);
        Assert.Equal(33_554_432, limits.MaxTextBytes);
        Assert.Equal(1_000_000, limits.MaxExpandedNodes);
        Assert.Equal(1_000_000, limits.MaxLoopTrips);
        Assert.Equal(1L << 30, limits.MaxDerivedBytes);
    }

    [Fact]
    public void Inspect_LimitOutOfRange_Throws()
    {
        static object? Inspect(OnnxInspectionLimits limits) => OnnxInspector.Inspect(Rich(), limits);

        Assert.Throws<ArgumentOutOfRangeException>("MaxDepth", static () => Inspect(new() { MaxDepth = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxDepth", static () => Inspect(new() { MaxDepth = 101 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxNodes", static () => Inspect(new() { MaxNodes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxTensors", static () => Inspect(new() { MaxTensors = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxEntries", static () => Inspect(new() { MaxEntries = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxNameLength", static () => Inspect(new() { MaxNameLength = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxTextBytes", static () => Inspect(new() { MaxTextBytes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxExpandedNodes", static () => Inspect(new() { MaxExpandedNodes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxLoopTrips", static () => Inspect(new() { MaxLoopTrips = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxDerivedBytes", static () => Inspect(new() { MaxDerivedBytes = 0 }));
        Assert.Contains("MaxNodes is 0; it must be 1 to 2147483647.", new OnnxInspectionLimits { MaxNodes = 0 }.Validate());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Inspect_AtTheLimit_IsReadAndBeyondRefused(string limit, OnnxInspectionLimits limits, byte[] within, byte[] beyond)
    {
        OnnxInspector.Inspect(within, limits);
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(beyond, limits));
        Assert.Equal(ModelLoadFailure.TooLarge, refusal.Failure);
        Assert.Contains($"OnnxInspectionLimits.{limit} allows", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("at byte", refusal.Message, StringComparison.Ordinal);
        OnnxInspector.Inspect(beyond);
    }

    public static TheoryData<string, OnnxInspectionLimits, byte[], byte[]> Cases() => new()
    {
        { "MaxDepth", new() { MaxDepth = 2 }, Nested(2), Nested(3) },
        { "MaxDepth", new() { MaxDepth = 0 }, Nested(0), Nested(1) },
        { "MaxDepth", new() { MaxDepth = 2 }, WithInput(NestedType(2)), WithInput(NestedType(3)) },
        { "MaxDepth", new() { MaxDepth = 2 }, InFunction(NestedNode(2)), InFunction(NestedNode(3)) },
        { "MaxNodes", new() { MaxNodes = 3 }, Nested(2), Nested(3) },
        { "MaxNodes", new() { MaxNodes = 2 }, InFunction(NestedNode(1)), InFunction(NestedNode(2)) },
        { "MaxTensors", new() { MaxTensors = 2 }, Tensors(2), Tensors(3) },
        { "MaxEntries", new() { MaxEntries = 3 }, Operators(2), Operators(3) },
        { "MaxEntries", new() { MaxEntries = 4 }, WithInput(TensorType(1, 1, 2)), WithInput(TensorType(1, 1, 2, 3)) },
        { "MaxNameLength", new() { MaxNameLength = 8 }, OfOperator("12345678"), OfOperator("123456789") },
        { "MaxNameLength", new() { MaxNameLength = 8 }, External("12345678"), External("123456789") },
        { "MaxTextBytes", new() { MaxTextBytes = 8 }, OfOperator("12345678"), OfOperator("123456789") },
        { "MaxTextBytes", new() { MaxTextBytes = 8 }, Metadata("1234"), Metadata("1234567") },
    };

    [Fact]
    public void Inspect_DeepestAllowed_FitsAThreadsStack() => Assert.Null(FailureOnAStackOf(1024 * 1024));

    [Fact]
    public void Inspect_StackIsTooSmall_IsRefused()
    {
        var refusal = Assert.IsType<ModelLoadException>(FailureOnAStackOf(192 * 1024));
        Assert.Equal(ModelLoadFailure.TooLarge, refusal.Failure);
        Assert.Contains("does not fit the stack", refusal.Message, StringComparison.Ordinal);
    }

    private static Exception? FailureOnAStackOf(int bytes)
    {
        Exception? failure = null;
        var model = Nested(100);
        var limits = new OnnxInspectionLimits { MaxDepth = 100 };
        var thread = new Thread(() => failure = Record.Exception(() => OnnxInspector.Inspect(model, limits)), bytes);
        thread.Start();
        thread.Join();
        return failure;
    }

    private static byte[] Nested(int depth) => WithGraph(graph => graph.Message(1, NestedNode(depth)));

    private static Action<WireWriter> NestedType(int depth) =>
        depth == 0 ? TensorType(1) : type => type.Message(4, sequence => sequence.Message(1, NestedType(depth - 1)));

    private static byte[] InFunction(Action<WireWriter> node) =>
        Envelope().Message(7, _ => { }).Message(25, function => function.Text(1, "F").Message(7, node));

    private static byte[] OfOperator(string opType) => WithGraph(graph => graph.Message(1, node => node.Text(4, opType)));

    private static byte[] External(string location) => WithInitializer(ExternalTensor("w", location));

    private static byte[] Metadata(string value) => Envelope().Message(7, _ => { }).Message(14, Entry("key", value));

    private static byte[] Tensors(int count) => WithGraph(graph =>
    {
        for (var i = 0; i < count; i++)
            graph.Message(5, tensor => tensor.Int(2, 1));
    });

    private static byte[] Operators(int count) => WithGraph(graph =>
    {
        for (var i = 0; i < count; i++)
            graph.Message(1, Node($"Op{i}"));
    });
}
