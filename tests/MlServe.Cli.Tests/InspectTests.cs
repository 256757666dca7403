using System.Text.Json;
using MlServe.Quantization;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Cli;

public sealed class InspectTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Inspect_Digits_TellsSignatureBatchAxisAndWhatWouldBecomeOfIt()
    {
        var tool = await Tool.RunAsync("inspect", Tool.Model);

        Assert.Equal((0, ""), (tool.ExitCode, tool.Error));
        Assert.Contains(
            "(image: float[batch,1,28,28]) -> (logits: float[batch,10], scores: float[batch,10])", tool.Output, StringComparison.Ordinal);
        Assert.Matches(@"batch axis\s+0 of 'image'", tool.Output);
        Assert.Contains("yes 1 Conv", tool.Output, StringComparison.Ordinal);
        Assert.Matches("no  1 Conv: a convolution of so few channels", tool.Output);
        Assert.Matches("no  1 Gemm: too small to gain", tool.Output);
    }

    [Fact]
    public async Task Inspect_Json_IsJsonAlone()
    {
        var tool = await Tool.RunAsync("inspect", Tool.Model, "--json");
        var report = JsonDocument.Parse(tool.Output).RootElement;

        Assert.Equal(0, tool.ExitCode);
        Assert.Equal(11, report.GetProperty("nodes").GetInt64());
        Assert.True(report.GetProperty("loaded").GetProperty("isBatchable").GetBoolean());
        Assert.Equal(0, report.GetProperty("loaded").GetProperty("batchAxes").GetProperty("image").GetInt32());
        Assert.Equal(11, report.GetProperty("quantization").GetProperty("nodes").GetArrayLength());
    }

    [Fact]
    public async Task Inspect_NoRun_DoesNotLoad()
    {
        var report = JsonDocument.Parse((await Tool.RunAsync("inspect", Tool.Model, "--json", "--no-run")).Output).RootElement;

        Assert.Equal(JsonValueKind.Null, report.GetProperty("loaded").ValueKind);
    }

    [Fact]
    public async Task Inspect_QuantizedDynamically_SaysThatRowsDepend()
    {
        _folder.Write("m.onnx", new OnnxModel().Input("x", OnnxModel.Float, "n", 64).Output("y", OnnxModel.Float, "n", 32)
            .Initializer("w", [.. Enumerable.Range(0, 64 * 32).Select(static i => MathF.Sin(i))], 64, 32).Node("MatMul", ["x", "w"], ["y"])
            .ToBytes());
        await OnnxQuantizer.QuantizeDynamicAsync(
            _folder["m.onnx"], _folder["q.onnx"], new() { MinMultiplications = 0 }, TestContext.Current.CancellationToken);

        var tool = await Tool.RunAsync("inspect", _folder["q.onnx"]);

        Assert.Matches(@"quantized\s+yes, by MlServe \(Dynamic\).*depends on its neighbours", tool.Output);
        Assert.Matches(@"refused: The model is quantized already", tool.Output);
    }

    [Fact]
    public async Task Inspect_TypesThatTheRuntimeIsSlowWith_Warns()
    {
        const int UInt8 = 2, Int8 = 3, Int32 = 6;
        var unsigned = new OnnxModel().Input("x", OnnxModel.Float, "n", 4).Output("y", OnnxModel.Float, "n", 2)
            .Initializer("s", [0.1f]).Initializer("z", UInt8, [128]).Initializer("w", UInt8, new byte[8], 4, 2)
            .Node("QuantizeLinear", ["x", "s", "z"], ["q"]).Node("DequantizeLinear", ["q", "s", "z"], ["d"])
            .Node("DequantizeLinear", ["w", "s", "z"], ["v"]).Node("MatMul", ["d", "v"], ["y"]);
        var signed = new OnnxModel().Input("x", Int8, "n", 4)
            .Output("y", Int32, "n", 2)
            .Initializer("w", Int8, new byte[8], 4, 2)
            .Node("MatMulInteger", ["x", "w"], ["y"]);

        var first = await Tool.RunAsync("inspect", _folder.Write("u.onnx", unsigned.ToBytes()));
        var second = await Tool.RunAsync("inspect", _folder.Write("s.onnx", signed.ToBytes()));

        Assert.Matches(@"warning +1 MatMul .*weights of unsigned integers: .*0\.34 of the core's integer peak", first.Output);
        Assert.Matches(@"warning +1 MatMulInteger .*signed activations .*0\.04 of the core's integer peak", second.Output);
    }

    [Fact]
    public async Task Inspect_IntoAPipe_IsNeitherCroppedNorPadded()
    {
        var name = new string('n', 300);
        var model = new OnnxModel().Input("x", OnnxModel.Float, name, 2).Output("y", OnnxModel.Float, name, 2).Node("Relu", ["x"], ["y"]);

        var tool = await Tool.RunAsync("inspect", _folder.Write("m.onnx", model.ToBytes()));

        Assert.Contains($"[{name},2]", tool.Output, StringComparison.Ordinal);
        Assert.All(tool.Output.Split('\n'), static line => Assert.Equal(line.TrimEnd(), line));
    }

    [Fact]
    public async Task Doctor_PrintsThePeakOfACore()
    {
        var tool = await Tool.RunAsync("doctor", "--json");
        var machine = JsonDocument.Parse(tool.Output).RootElement;

        Assert.Equal((0, ""), (tool.ExitCode, tool.Error));
        Assert.NotEqual("", machine.GetProperty("processor").GetString());
        Assert.True(machine.GetProperty("floatPeak").ValueKind == JsonValueKind.Null || machine.GetProperty("floatPeak").GetDouble() > 1);
        Assert.Contains("of one core", (await Tool.RunAsync("doctor")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 2, 3 })]
    public async Task Inspect_NoModel_SaysSoInALineAndEndsWith2(byte[] bytes)
    {
        var tool = await Tool.RunAsync("inspect", _folder.Write("bad.onnx", bytes));

        Assert.Equal((2, ""), (tool.ExitCode, tool.Output));
        Assert.Single(tool.Error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_CutShort_EndsWith2()
    {
        var tool = await Tool.RunAsync("inspect", _folder.Write("cut.onnx", File.ReadAllBytes(Tool.Model)[..100_000]));

        Assert.Equal(2, tool.ExitCode);
        Assert.Single(tool.Error.TrimEnd().Split('\n'));
    }

    public void Dispose() => _folder.Dispose();
}
