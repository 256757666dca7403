using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using Xunit;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

public class OpsetUpgraderTests
{
    private static PreprocessingOptions Only(int opset) => new() { Opset = opset, FoldConstants = false, RewriteHardSwish = false };

    [Theory]
    [InlineData(13)]
    [InlineData(18)]
    [InlineData(22)]
    public void Run_EveryRealModel_IsBitIdentical(int opset)
    {
        var root = SharedData.PathOf("");
        var same = 0;
        foreach (var path in SharedData.Models())
        {
            // As constants weights get other kernels, with other last bits: here only the operators change. In half precision the runtime
            // takes other kernels at 18, with other last bits.
            if (opset == 18 && path.EndsWith("squeezenet_fp16.onnx", StringComparison.Ordinal)) continue;
            var bytes = File.ReadAllBytes(Path.Combine(root, path));
            var raised = Preprocessor.Run(ModelProto.Parser.ParseFrom(bytes), Only(opset) with { KeepWeightInputs = true });
            using var before = GraphSession.Open(bytes);
            using var after = GraphSession.Open(OnnxFile.ToBytes(raised.Model), what: path);
            Assert.Equal(before.OutputNames, after.OutputNames);
            Assert.Equal(before.InputNames, after.InputNames);
            var inputs = ModelRuns.RandomInputs(
                before, 1,
                path.Contains("yunet", StringComparison.Ordinal) ? 64 : path.Contains("silero", StringComparison.Ordinal) ? 576 : 2);
            if (path.Contains("silero", StringComparison.Ordinal)) inputs = Silero();
            AssertSame(path, ModelRuns.Run(before, inputs), ModelRuns.Run(after, inputs));
            foreach (var value in inputs.Values)
                value.Dispose();
            same++;
        }

        Console.WriteLine($"opset {opset}: {same} models bit-identical");
    }

    [Theory]
    [InlineData(13)]
    [InlineData(22)]
    public void Run_EveryConformanceCase_GivesTheSameOrIsRefused(int opset)
    {
        var (same, notRun, refused, unreadable) = (0, 0, new List<string>(), 0);
        var differences = new List<string>();
        foreach (var test in ConformanceModels.All())
        {
            var model = ModelProto.Parser.ParseFrom(test.Model);
            var from = Graphs.OpsetOf(model);
            if (from == 0 || from >= opset) continue;
            ModelProto raised;
            try
            {
                raised = Preprocessor.Run(model, Only(opset)).Model;
            }
            catch (QuantizationException exception)
            {
                refused.Add($"{test.Name}: {exception.Message}");
                continue;
            }

            GraphSession before, after;
            try
            {
                before = GraphSession.Open(test.Model);
            }
            catch (QuantizationException)
            {
                unreadable++;
                continue;
            }

            try
            {
                after = GraphSession.Open(OnnxFile.ToBytes(raised));
            }
            catch (QuantizationException exception)
            {
                differences.Add($"{test.Name}: {exception.Message}");
                before.Dispose();
                continue;
            }

            using (before)
            using (after)
            {
                var difference = Compare(test, model, before, after);
                if (difference is null) same++;
                else if (difference.Length == 0) notRun++;
                else differences.Add($"{test.Name}: {difference}");
            }
        }

        Console.WriteLine(
            $"opset {opset}: {same} bit-identical, {notRun} loaded and not run, {refused.Count} refused, {unreadable} not read by the "
            + "runtime before\n" +
            string.Join('\n', refused) + "\nDIFF\n" + string.Join('\n', differences));
        Assert.Empty(differences);
        Assert.Equal(3, refused.Count);
        Assert.True(same >= (opset == 13 ? 130 : 650), $"{same}");
    }

    /// <summary>How the two differ; null where they do not, empty where the case cannot be run here.</summary>
    private static string? Compare(ConformanceModels.Case test, ModelProto model, GraphSession before, GraphSession after)
    {
        Dictionary<string, OrtValue> inputs;
        if (test.Inputs is null)
        {
            inputs = ModelRuns.RandomInputs(before, 1);
        }
        else
        {
            inputs = [];
            for (var i = 0; i < test.Inputs.Count; i++)
            {
                if (model.Graph.Input[i].Type.TensorType is null || ModelRuns.FromFile(test.Inputs[i]) is not { } value) return "";
                inputs.Add(model.Graph.Input[i].Name, value);
            }
        }

        List<byte[]> expected;
        try
        {
            expected = ModelRuns.Run(before, inputs);
        }
        catch (OnnxRuntimeException)
        {
            return "";
        }

        try
        {
            var actual = ModelRuns.Run(after, inputs);
            return expected.Count == actual.Count && expected.Zip(actual).All(static pair => pair.First.AsSpan().SequenceEqual(pair.Second))
                ? null
                : "other bits";
        }
        catch (OnnxRuntimeException exception)
        {
            return exception.Message;
        }
    }

    private static Dictionary<string, OrtValue> Silero()
    {
        var random = new Random(3);
        float[] Noise(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        return new()
        {
            ["input"] = OrtValue.CreateTensorValueFromMemory(Noise(576), [1, 576]),
            ["state"] = OrtValue.CreateTensorValueFromMemory(Noise(256), [2, 1, 128]),
            ["sr"] = OrtValue.CreateTensorValueFromMemory(new long[] { 16000 }, []),
        };
    }

    private static void AssertSame(string what, List<byte[]> expected, List<byte[]> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
            Assert.True(expected[i].AsSpan().SequenceEqual(actual[i]), $"{what}, output {i}");
    }
}
