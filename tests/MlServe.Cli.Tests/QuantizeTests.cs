using System.Runtime.InteropServices;
using System.Text.Json;
using MlServe.Onnx;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Cli;

public sealed class QuantizeTests : IDisposable
{
    // Half of them are kept for the last word, and 100 rows without a miss show the share that is asked by default.
    private const int Images = 256;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Quantize_Digits_WritesModelPlanReportAndPlot()
    {
        var tool = await QuantizeAsync(
            "--report", _folder["r.json"], "--plot", _folder["p.png"], "--save-plan", _folder["plan.json"], "--json");

        Assert.Equal(0, tool.ExitCode);
        var report = JsonDocument.Parse(tool.Output).RootElement;
        Assert.Equal("Static", report.GetProperty("method").GetString());
        Assert.Equal(Images / 2, report.GetProperty("calibrationSamples").GetInt32());
        Assert.Equal(Images / 2, report.GetProperty("comparedSamples").GetInt32());
        Assert.Equal(tool.Output.Trim(), await File.ReadAllTextAsync(_folder["r.json"], TestContext.Current.CancellationToken));
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(_folder["p.png"])[..4]);
        Assert.Equal(["digits.npy", "out.onnx", "p.png", "plan.json", "r.json"], _folder.Files);
        await using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromFile(_folder["out.onnx"]), cancellationToken: TestContext.Current.CancellationToken);
        using var answer = await predictor.PredictAsync(
            PredictionInputs.Row(Tool.Images(1)), cancellationToken: TestContext.Current.CancellationToken);
        var scores = answer["scores"].ToArray<float>();
        Assert.Equal(7, Array.IndexOf(scores, scores.Max()));

        // The plan makes the same file again, without samples.
        var again = await Tool.RunAsync("quantize", Tool.Model, "-o", _folder["again.onnx"], "--plan", _folder["plan.json"]);
        Assert.Equal(0, again.ExitCode);
        Assert.Equal(File.ReadAllBytes(_folder["out.onnx"]), File.ReadAllBytes(_folder["again.onnx"]));
    }

    [Fact]
    public async Task Quantize_ToAPipe_PrintsProgressAsLinesToTheErrorStream()
    {
        var tool = await QuantizeAsync();

        Assert.Contains("% calibrating", tool.Error, StringComparison.Ordinal);
        Assert.DoesNotContain((char)27, tool.Error);
        Assert.Matches("^result +Static: [0-9]+ nodes on integers", tool.Output);
        Assert.All(tool.Output.Split('\n'), static line => Assert.Equal(line.TrimEnd(), line));

        // The line that proves which operators run on integers is whole.
        Assert.Matches("runtime +.*QLinearConv 1", tool.Output);
    }

    [Fact]
    public async Task Quantize_NothingIsInt8_IsNotCalledSoAndEndsWith1()
    {
        var samples = _folder.Write("few.npy", Npy.Of(Tool.Images(4), 4, 1, 28, 28));

        var tool = await Tool.RunAsync("quantize", Tool.Model, "-o", _folder["out.int8.onnx"], "--samples", samples, "--min-snr", "200");

        Assert.Equal(1, tool.ExitCode);
        Assert.StartsWith("result      NOT QUANTIZED", tool.Output, StringComparison.Ordinal);
        Assert.Equal(["few.npy", "out.fp32.onnx"], _folder.Files);

        // What was asked for in FP32 is no failure.
        Assert.Equal(
            0,
            (await Tool.RunAsync("quantize", Tool.Model, "-o", _folder["plain.onnx"], "--method", "none", "--min-speedup", "0")).ExitCode);
    }

    /// <summary>Nothing passes such a gate: the source is written, whatever was asked, and a script has to notice.</summary>
    [Theory]
    [InlineData("none")]
    [InlineData("static")]
    [InlineData("dynamic")]
    [InlineData("int8-storage")]
    [InlineData("fp16-storage")]
    [InlineData("nbits8")]
    [InlineData("nbits4")]
    public async Task Quantize_SourceIsWrittenInstead_EndsWith1(string method)
    {
        var tool = await Tool.RunAsync(
            "quantize", Tool.Model, "-o", _folder["out.onnx"], "--method", method, "--random-samples", "8", "--min-snr", "1000");

        Assert.StartsWith(
            "result      NOT QUANTIZED: nothing that was tried is better than the source", tool.Output, StringComparison.Ordinal);
        Assert.Equal(1, tool.ExitCode);
    }

    [Fact]
    public async Task Quantize_SamplesInEachForm_AreReadAlike()
    {
        var images = Tool.Images(Images);
        var array = _folder.Write("a/all.npy", Npy.Of(images, Images, 1, 28, 28));
        var raw = _folder.Write("all.bin", MemoryMarshal.AsBytes<float>(images).ToArray());
        for (var i = 0; i < Images; i++)
        {
            var image = images[(i * 784)..((i + 1) * 784)];
            _folder.Write($"rows/{i:000}.npy", Npy.Of(image, 1, 28, 28));
            _folder.Write($"sets/test_data_set_{i}/input_0.pb", Tensor(image));
        }

        string[][] forms = [["--samples", array], ["--samples", $"image={array}"], ["--samples", _folder["rows"]],
            ["--samples", _folder["sets"]], ["--samples-raw", raw]];
        foreach (var form in forms)
        {
            var tool = await Tool.RunAsync(["quantize", Tool.Model, "-o", _folder["out.onnx"], "--method", "static", "--min-speedup", "0",
                .. form, "--save-plan", _folder[$"{Array.IndexOf(forms, form)}.json"]]);
            Assert.Equal((0, ""), (tool.ExitCode, tool.ExitCode == 0 ? "" : tool.Error));
        }

        var plans = forms.Select((_, i) => Ranges(_folder[$"{i}.json"])).Distinct();
        Assert.Single(plans);
    }

    [Theory]
    [InlineData("quantise", "Did you mean")]
    [InlineData("quantize MODEL --method fast", "--method is 'fast'; it must be one of auto, static")]
    [InlineData("quantize MODEL --max-samples 0", "--max-samples is 0; it must be 1 to 1000000")]
    [InlineData("quantize MODEL --samples nowhere.npy", "There is no file or folder 'nowhere.npy'")]
    [InlineData("quantize MODEL --samples EMPTY", "There are no samples")]
    [InlineData("quantize MODEL --samples pixels=SAMPLES", "has no input 'pixels'; it has 'image'")]
    [InlineData("quantize MODEL --samples WRONG", "'image' is tensor(float)[batch,1,28,28]")]
    [InlineData("quantize MODEL --samples SAMPLES --random-samples 4", "not both")]
    [InlineData("quantize MODEL --samples SAMPLES --report nowhere/r.json", "Create it first")]
    [InlineData("quantize MODEL --samples SAMPLES -o MODEL", "is the source")]
    [InlineData("quantize MODEL --samples SAMPLES --report MODEL", "is named twice")]
    [InlineData("quantize MODEL --samples SAMPLES --report same.json --save-plan same.json", "is named twice")]
    [InlineData("quantize MODEL --samples SAMPLES --exclude nobody", "the model has no such node")]
    [InlineData("quantize MODEL --min-agreement 2", "Gate.MinAgreement is 2")]
    [InlineData("quantize MODEL --metric scores", "it must be OUTPUT=METRIC with one of none, equal, classes")]
    [InlineData("quantize MODEL --metric scores=7", "it must be OUTPUT=METRIC")]
    [InlineData("quantize MODEL --metric scores=classes scores=boxes", "names 'scores' twice")]
    [InlineData("quantize MODEL --samples SAMPLES --metric nobody=classes", "the model has no such output; it has 'logits', 'scores'")]
    [InlineData("quantize MODEL --budget 0", "--budget is 0; it must be 1 to 86400")]
    [InlineData("quantize MODEL --method static", "there are no CalibrationSamples")]
    [InlineData("quantize nowhere.onnx", "There is no file")]
    [InlineData("quantize MODEL --plan SAMPLES", "no plan")]
    public async Task Quantize_WrongUse_SaysWhatAndEndsWith2(string command, string expected)
    {
        Directory.CreateDirectory(_folder["empty"]);
        var samples = _folder.Write("digits.npy", Npy.Of(Tool.Images(8), 8, 1, 28, 28));
        var wrong = _folder.Write("wrong.npy", Npy.Of(new float[6], 2, 3));
        var arguments = command.Split(' ')
            .Select(word => word.Replace("MODEL", Tool.Model, StringComparison.Ordinal)
            .Replace("SAMPLES", samples, StringComparison.Ordinal)
            .Replace("WRONG", wrong, StringComparison.Ordinal).Replace("EMPTY", _folder["empty"], StringComparison.Ordinal)).ToList();
        if (arguments.Count > 1 && !arguments.Contains("-o")) arguments.AddRange(["-o", _folder["out.onnx"]]);

        var tool = await Tool.RunAsync([.. arguments]);

        Assert.Equal((2, ""), (tool.ExitCode, tool.Output));
        Assert.Contains(expected, tool.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", tool.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["out.onnx"]));
    }

    [Fact]
    public async Task Quantize_GateNotPassed_EndsWith1AndWritesNothing()
    {
        var tool = await QuantizeAsync("--min-speedup", "1000", "--on-failure", "throw");

        Assert.Equal((1, ""), (tool.ExitCode, tool.Output));
        Assert.Contains("asked 1000", tool.Error, StringComparison.Ordinal);
        Assert.Equal(["digits.npy"], _folder.Files);
    }

    [Fact]
    public async Task Quantize_QuantizedAlready_EndsWith1()
    {
        await QuantizeAsync();

        var tool = await Tool.RunAsync("quantize", _folder["out.onnx"], "-o", _folder["twice.onnx"]);

        Assert.Equal(1, tool.ExitCode);
        Assert.Matches("is quantized already|was written by MlServe", tool.Error);
    }

    [Fact]
    public async Task Quantize_RandomSamples_Warns()
    {
        var tool = await Tool.RunAsync(
            "quantize", Tool.Model, "-o", _folder["out.onnx"], "--random-samples", "64", "--min-speedup", "0", "--min-agreement", "0",
            "--seed", "3");

        Assert.Equal(0, tool.ExitCode);
        Assert.Contains("warning: calibrating on random inputs", tool.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Quantize_Interrupted_EndsWith130AndWritesNothing(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent by kill.");
        Assert.SkipWhen(
            signal == "INT" && Tool.InheritsIgnoredInterrupts,
            "Started in the background: what a shell starts so ignores SIGINT, and so does what it starts.");
        var samples = _folder.Write("digits.npy", Npy.Of(Tool.Images(2000), 2000, 1, 28, 28));
        using var process = Tool.Start(
            "quantize", Tool.Model, "-o", _folder["out.onnx"], "--samples", samples, "--calibration", "entropy", "--max-samples",
            "1000000");
        while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line
            && !line.Contains("calibrating", StringComparison.Ordinal))
        {
        }

        await Tool.SignalAsync(process, signal);
        var tool = await Tool.EndAsync(process);

        Assert.Equal((130, ""), (tool.ExitCode, tool.Output));
        Assert.EndsWith("Cancelled. No model was written.", tool.Error.TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(["digits.npy"], _folder.Files);
    }

    [Fact]
    public async Task Preprocess_Digits_WritesAModel()
    {
        var tool = await Tool.RunAsync("preprocess", Tool.Model, "-o", _folder["out.onnx"], "--json");

        Assert.Equal(0, tool.ExitCode);
        Assert.Equal(11, JsonDocument.Parse(tool.Output).RootElement.GetProperty("nodesBefore").GetInt32());
        Assert.True(File.Exists(_folder["out.onnx"]));
    }

    [Theory]
    [InlineData(0, "--keep-weight-inputs")]
    [InlineData(1)]
    public async Task Preprocess_WeightAmongTheInputs_IsAConstantUnlessKept(int removed, params string[] more)
    {
        var model = _folder.Write(
            "m.onnx",
            new OnnxModel().IrVersion(8).Input("x", OnnxModel.Float, 2).Input("w", OnnxModel.Float, 2).Output("y", OnnxModel.Float, 2)
            .Initializer("w", [1f, 2f], 2).Node("Add", ["x", "w"], ["y"]).ToBytes());

        var tool = await Tool.RunAsync(["preprocess", model, "-o", _folder["out.onnx"], "--json", .. more]);

        Assert.Equal(0, tool.ExitCode);
        Assert.Equal(removed, JsonDocument.Parse(tool.Output).RootElement.GetProperty("removedInputs").GetArrayLength());
    }

    [Fact]
    public async Task Preprocess_ModelThatRefusesMadeUpInputs_IsRefusedWithoutSamples()
    {
        var model = _folder.Write("m.onnx", new OnnxModel().Input("ids", OnnxModel.Int64, 16).Output("y", OnnxModel.Float, 16, 2)
            .Initializer("w", [1f, 2f], 1, 2).Initializer("v", [3f, 4f], 1, 2).Node("Add", ["w", "v"], ["table"])
            .Node("Gather", ["table", "ids"], ["y"]).ToBytes());

        var tool = await Tool.RunAsync("preprocess", model, "-o", _folder["out.onnx"]);
        Assert.Equal((1, ""), (tool.ExitCode, tool.Output));
        Assert.Contains("Give samples", tool.Error, StringComparison.Ordinal);
        Assert.Equal(["m.onnx"], _folder.Files);

        var given = await Tool.RunAsync(
            "preprocess", model, "-o", _folder["out.onnx"], "--samples-raw", _folder.Write("ids.raw", new byte[16 * sizeof(long)]));
        Assert.Equal((0, ""), (given.ExitCode, given.Error));
    }

    [Fact]
    public async Task Analyze_Digits_ListsNodesAndWritesNothing()
    {
        var samples = _folder.Write("digits.npy", Npy.Of(Tool.Images(8), 8, 1, 28, 28));
        var tool = await Tool.RunAsync("analyze", Tool.Model, "--samples", samples, "--json");

        Assert.Equal(0, tool.ExitCode);
        Assert.NotEqual(0, JsonDocument.Parse(tool.Output).RootElement.GetProperty("nodes").GetArrayLength());
        Assert.Equal(["digits.npy"], _folder.Files);
    }

    [Fact]
    public async Task Help_EachCommand_EndsWith0()
    {
        foreach (var command in (string[][])[["--help"], ["inspect", "--help"], ["quantize", "--help"], ["analyze", "-h"],
            ["preprocess", "-?"], ["doctor", "-h"], ["--version"]])
        {
            var tool = await Tool.RunAsync(command);
            Assert.Equal((0, ""), (tool.ExitCode, tool.Error));
            Assert.NotEmpty(tool.Output);
        }
    }

    public void Dispose() => _folder.Dispose();

    private Task<Tool> QuantizeAsync(params string[] further)
    {
        var samples = _folder.Write("digits.npy", Npy.Of(Tool.Images(Images), Images, 1, 28, 28));
        string[] speed = further.Contains("--min-speedup") ? [] : ["--min-speedup", "0"];
        return Tool.RunAsync(["quantize", Tool.Model, "-o", _folder["out.onnx"], "--samples", samples, "--method", "static", .. speed,
            .. further]);
    }

    private static string Ranges(string plan) => JsonDocument.Parse(File.ReadAllText(plan)).RootElement.GetProperty("ranges").GetRawText();

    /// <summary>TensorProto: dims 1, data_type 2, raw_data 9.</summary>
    private static byte[] Tensor(float[] image) =>
    [
        0x08, 1, 0x08, 1, 0x08, 28, 0x08, 28, 0x10, 1, 0x4A, .. Varint(image.Length * sizeof(float)),
        .. MemoryMarshal.AsBytes<float>(image),
    ];

    private static byte[] Varint(int value) => value < 128 ? [(byte)value] : [(byte)(value | 128), .. Varint(value >> 7)];
}
