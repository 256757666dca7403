using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting;

/// <summary>Figures for a person, run by hand on a quiet machine: <c>-explicit only -class '*StaticSpeedTests'</c>.</summary>
public class StaticSpeedTests(ITestOutputHelper output)
{
    public static TheoryData<string, long[][]> Models => new()
    {
        { "resnet", [[1, 3, 224, 224], [8, 3, 224, 224]] },
        { "encoder", [[1, 128, 768], [1, 16, 768]] },
        { "mlp", [[1, 1024], [64, 1024]] },
    };

    [Theory(Explicit = true)]
    [MemberData(nameof(Models))]
    public async Task Speed(string name, long[][] shapes)
    {
        var model = Model(name);
        var watch = Stopwatch.StartNew();
        var plan = await Trial.CalibrateAsync(
            model, Trial.Plan(), Trial.Samples(model, shapes.SelectMany(shape => Trial.RandomInputs(6, [1, .. shape.AsSpan(1)]))));
        var calibrated = watch.ElapsedMilliseconds;
        watch.Restart();
        var quantized = Trial.Rewrite(model, plan);
        output.WriteLine(
            $"{name}: calibrated in {calibrated} ms, rewritten in {watch.ElapsedMilliseconds} ms, size "
            + $"{quantized.Length / (double)model.Length:F3}");
        output.WriteLine(string.Join(" ", FusedOperators.Of(quantized).Select(static pair => $"{pair.Key}:{pair.Value}")));
        var integer = Trial.Rewrite(model, plan with { Format = QuantizationFormat.QOperator });
        output.WriteLine($"QOperator size {integer.Length / (double)model.Length:F3}");
        foreach (var shape in shapes)
        {
            var values = Trial.Values(3, (int)shape.Aggregate(1L, static (product, size) => product * size));
            var snr = Trial.Snr(Trial.Run(model, values, shape), Trial.Run(quantized, values, shape));
            output.WriteLine($"{name} [{string.Join(",", shape)}]: {snr:F1} dB; {Time([model, quantized, integer], values, shape)}");
        }
    }

    public static TheoryData<string, QuantizationMethod, long[]> Reported => new()
    {
        { "resnet", QuantizationMethod.Static, [1, 3, 224, 224] }, { "resnet", QuantizationMethod.Static, [8, 3, 224, 224] },
        { "encoder", QuantizationMethod.Static, [1, 128, 768] }, { "encoder", QuantizationMethod.Static, [1, 16, 768] },
        { "mlp", QuantizationMethod.Static, [1, 1024] }, { "mlp", QuantizationMethod.Static, [64, 1024] },
        { "lstm", QuantizationMethod.Dynamic, [32, 1, 256] },
        { "mlp", QuantizationMethod.NBits8, [1, 1024] }, { "mlp", QuantizationMethod.NBits8, [64, 1024] },
        { "encoder", QuantizationMethod.NBits8, [1, 128, 768] }, { "mlp", QuantizationMethod.NBits4, [1, 1024] },
        { "mlp", QuantizationMethod.NBits4, [64, 1024] }, { "encoder", QuantizationMethod.NBits4, [1, 128, 768] },
    };

    /// <summary>The same as the report has it: by the thread's own time, with shares of the core's peak.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Reported))]
    public async Task Report(string name, QuantizationMethod method, long[] shape)
    {
        using var folder = new TemporaryFolder();
        var options = new QuantizationOptions
        {
            Gate = new() { MinAgreement = null, MinNeighbors = null, MinRankCorrelation = null, MinSnrDb = null },
            Method = method,
            SearchBudget = TimeSpan.FromMinutes(3),
            PerChannelActivations = false,
        };
        var rows = name == "lstm" ? 1 : (int)shape[0];
        var elements = (int)shape.Aggregate(1L, static (product, size) => product * size);
        var samples = Enumerable.Range(5, 8)
            .Select(seed => PredictionInputs.Rows(rows, PredictionInput.Tensor("x", Trial.Values(seed, elements), shape)));
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", Model(name)), folder["q.onnx"], options.CalibrateWith(samples), TestContext.Current.CancellationToken);
        output.WriteLine($"{name} [{string.Join(",", shape)}]{Environment.NewLine}{report}");
    }

    private static byte[] Model(string name) => name switch
    {
        "resnet" => ResNetModel.Create(1),
        "encoder" => EncoderModel.Create(1),
        "lstm" => LstmModel.Create(1, 256, 512),
        _ => OnnxModel.Mlp(1, 1024, 4096, 4096, 1024),
    };

    private static string Time(byte[][] models, float[] values, long[] shape)
    {
        using var options = new RunOptions();
        using var input = OrtValue.CreateTensorValueFromMemory(values, shape);
        var sessions = models.Select(static model => GraphSession.Open(model)).ToArray();
        var times = models.Select(static _ => new List<double>()).ToArray();
        for (var round = -2; round < 11; round++)
        {
            for (var i = 0; i < sessions.Length; i++)
            {
                var watch = Stopwatch.StartNew();
                var runs = 0;
                do
                {
                    sessions[i].Session.Run(options, [sessions[i].InputNames[0]], [input], [sessions[i].OutputNames[0]]).Dispose();
                    runs++;
                }
                while (watch.ElapsedMilliseconds < 40);
                if (round >= 0) times[i].Add(watch.Elapsed.TotalMilliseconds / runs);
            }
        }

        foreach (var session in sessions)
            session.Dispose();
        var medians = times.Select(static list => list.Order().ElementAt(list.Count / 2)).ToArray();
        return $"FP32 {medians[0]:F2} ms, QDQ {medians[1]:F2} ms ({medians[0] / medians[1]:F2}x), QOperator {medians[2]:F2} ms "
            + $"({medians[0] / medians[2]:F2}x)";
    }
}
