using System.Text.Json;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class PeakShareTests
{
    private static readonly MachineDescription Machine = new()
    {
        Processor = "a core",
        Target = CpuTarget.X86Vnni,
        Cores = 2,
        Threads = 1,
        RuntimeVersion = "1",
        OperatingSystem = "one",
        IntegerPeak = 1000,
        FloatPeak = 250,
    };

    private static readonly QuantizationReport Report = new()
    {
        Source = "m.onnx",
        Destination = "q.onnx",
        Method = QuantizationMethod.Static,
        MethodReason = "it was asked for",
        SourceBytes = 4,
        Bytes = 1,
        Machine = Machine,
        Plan = new() { SourceDigest = "", Method = QuantizationMethod.Static, Target = CpuTarget.X86Vnni },
        SpeedRows = 1,
        Operations = 8_180_000_000,
        Speed = new(4, 3.9, 4.1, 9, 40, 10),
    };

    [Fact]
    public async Task QuantizeAsync_MatricesOnly_ReportCountsThem()
    {
        using var folder = new TemporaryFolder();
        var gate = new QuantizationGate { MinSpeedup = 0, MinSpeed = 0 };
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", OnnxModel.Mlp(3, 64, 256, 10)), folder["q.onnx"], new() { MinMultiplications = 0, Gate = gate },
            TestContext.Current.CancellationToken);
        Assert.Equal(2 * report.SpeedRows * ((64 * 256) + (256 * 10)), report.Operations);
        if (report.Machine is { IntegerPeak: { } integers, FloatPeak: { } floats })
        {
            Assert.Equal(report.Operations!.Value / report.Speed!.ModelMilliseconds / integers / 1e6, report.PeakShare!.Value, 9);
            Assert.Equal(report.Operations.Value / report.Speed.SourceMilliseconds / floats / 1e6, report.SourcePeakShare!.Value, 9);
        }

        using var json = JsonDocument.Parse(report.ToJson());
        Assert.Equal(report.Operations, json.RootElement.GetProperty("operations").GetInt64());
        Assert.Equal(
            report.PeakShare,
            json.RootElement.GetProperty("peakShare").ValueKind == JsonValueKind.Null
                ? null
                : json.RootElement.GetProperty("peakShare").GetDouble());
    }

    [Theory]
    [InlineData(QuantizationMethod.Static, "8.18 G operations a run: 0.82 of the core's integer peak, the source 0.82 of its FP32 peak")]
    [InlineData(QuantizationMethod.NBits4, "8.18 G operations a run: 0.82 of the core's integer peak, the source 0.82 of its FP32 peak")]
    [InlineData(QuantizationMethod.Int8Storage, "8.18 G operations a run: 3.27 of the core's FP32 peak, the source 0.82")]
    [InlineData(QuantizationMethod.None, "8.18 G operations a run: 3.27 of the core's FP32 peak, the source 0.82")]
    public void ToString_Method_IsHeldAgainstItsOwnPeak(QuantizationMethod method, string expected) =>
        Assert.Contains(expected + Environment.NewLine, (Report with { Method = method }).ToString(), StringComparison.Ordinal);

    [Fact]
    public void ToString_NotKnown_SaysNoMoreThanIsKnown()
    {
        Assert.DoesNotContain("operations a run", (Report with { Operations = null }).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("operations a run", (Report with { Operations = 0 }).ToString(), StringComparison.Ordinal);
        QuantizationReport[] counted = [Report with { Speed = null }, Report with { Machine = Machine with { Threads = 2 } },
            Report with { Machine = Machine with { IntegerPeak = null } }];
        Assert.All(counted, static report => Assert.Null(report.PeakShare));
        Assert.All(
            counted,
            static report => Assert.Contains("8.18 G operations a run" + Environment.NewLine, report.ToString(), StringComparison.Ordinal));
        Assert.Contains("12.35 M operations a run", (Report with { Operations = 12_345_678 }).ToString(), StringComparison.Ordinal);
        Assert.Contains("12,345 operations a run", (Report with { Operations = 12_345 }).ToString(), StringComparison.Ordinal);
    }
}
