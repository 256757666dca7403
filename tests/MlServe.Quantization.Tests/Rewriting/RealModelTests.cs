using System.IO.Compression;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Rewriting;

/// <summary>Each real model and each conformance case is rewritten, loads and answers alike, or is refused with a reason.</summary>
public class RealModelTests
{
    public static TheoryData<QuantizationMethod, double> Methods { get; } = new()
    {
        { QuantizationMethod.Dynamic, 15 }, { QuantizationMethod.Int8Storage, 20 }, { QuantizationMethod.Fp16Storage, 50 },
        { QuantizationMethod.NBits8, 25 }, { QuantizationMethod.NBits4, 3 },
    };

    [Theory]
    [MemberData(nameof(Methods))]
    public void Rewrite_EveryRealModel_AnswersAlikeOrIsRefused(QuantizationMethod method, double decibels)
    {
        var root = SharedData.PathOf("");
        var rewritten = 0;
        foreach (var path in SharedData.Models())
        {
            var bytes = File.ReadAllBytes(Path.Combine(
                root, "models", path.StartsWith("models/", StringComparison.Ordinal) ? path[7..] : path));
            if (Rewrite(bytes, path, method) is not { } result) continue;
            rewritten++;
            if (ModelRun.Floats(bytes) is not { } expected) continue;
            var decibelsHere = ModelRun.Snr(expected, ModelRun.Floats(result)!);
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{method} {path} {decibelsHere:F1} dB {result.Length / (double)bytes.Length:P0}");
            Assert.True(decibelsHere >= decibels, $"{method} {path}: {decibelsHere:F1} dB");
        }

        Assert.True(rewritten > 5, $"{rewritten} models were rewritten.");
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Rewrite_EveryConformanceCase_LoadsOrIsRefused(QuantizationMethod method, double decibels)
    {
        using var zip = ZipFile.OpenRead(SharedData.PathOf("onnx-node-open.zip"));
        foreach (var entry in zip.Entries.Where(static entry => entry.FullName.EndsWith(".onnx", StringComparison.Ordinal)))
        {
            var bytes = new byte[entry.Length];
            using (var stream = entry.Open())
                stream.ReadExactly(bytes);
            if (Rewrite(bytes, entry.FullName, method) is not { } result) continue;
            if (entry.Length > 100_000 || ModelRun.Floats(bytes, openSize: 1) is not { } expected
                || expected.All(static output => output.All(static value => !float.IsFinite(value) || value == 0)))
                continue;
            var decibelsHere = ModelRun.Snr(expected, ModelRun.Floats(result, openSize: 1)!);
            Assert.True(decibelsHere >= decibels, $"{method} {entry.FullName}: {decibelsHere:F1} dB");
        }
    }

    [Fact]
    public void Rewrite_LstmWithinIf_IsQuantized()
    {
        // The exporter computes the weights within the branch; folding makes them constants.
        var bytes = ModelRun.Folded(File.ReadAllBytes(SharedData.PathOf("models/stateful/silero_vad.onnx")));
        var result = DynamicRewriter.Rewrite(ModelRun.Parse(bytes), ModelRun.Plan(QuantizationMethod.Dynamic));
        Assert.Contains(result.Decisions, static decision => decision is { OpType: "LSTM", IsQuantized: true });
        Assert.DoesNotContain(result.Decisions, static decision => decision is { OpType: "LSTM", IsQuantized: false });
        Assert.Contains("DynamicQuantizeLSTM", ModelRun.Optimized(OnnxFile.ToBytes(result.Model)));
        Assert.Equal(
            OnnxFile.ToBytes(result.Model),
            OnnxFile.ToBytes(DynamicRewriter.Rewrite(ModelRun.Parse(bytes), ModelRun.Plan(QuantizationMethod.Dynamic)).Model));
    }

    private static byte[]? Rewrite(byte[] bytes, string path, QuantizationMethod method)
    {
        try
        {
            var document = OnnxDocument.Read(new(bytes, path));
            var result = OnnxFile.ToBytes(PlanExecutor.Rewrite(document.Model, ModelRun.Plan(method)).Model);
            try
            {
                GraphSession.Open(bytes).Dispose();
            }
            catch (QuantizationException)
            {
                return null;
            }

            GraphSession.Open(result, what: path).Dispose();
            return result;
        }
        catch (QuantizationException exception) when (exception.Failure != QuantizationFailure.InvalidModel)
        {
            Assert.True(exception.Message.Length > 20, path);
            return null;
        }
        catch (ModelLoadException)
        {
            return null;
        }
    }
}
