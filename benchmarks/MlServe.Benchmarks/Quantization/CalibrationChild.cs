using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MlServe.Onnx;
using MlServe.Quantization;
using MlServe.Quantization.Evaluation;

namespace MlServe.Benchmarks.Quantization;

/// <summary>Calibrates the text recognizer in a fresh process, whose memory holds nothing else, and says what that took.</summary>
internal static class CalibrationChild
{
    private const string Name = "calibration-child";

    /// <summary>A hidden command of <c>quantization</c>.</summary>
    public static Command Create()
    {
        var samples = new Argument<int>("samples");
        var command = new Command(Name) { samples };
        command.Hidden = true;
        command.SetAction(async (arguments, cancellationToken) =>
            Console.WriteLine(JsonSerializer.Serialize(await RunAsync(arguments.GetValue(samples), cancellationToken))));
        return command;
    }

    public static CalibrationCost Start(int samples)
    {
        var path = Environment.ProcessPath!;
        var start = new ProcessStartInfo(path) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(path) == "dotnet") start.ArgumentList.Add(typeof(CalibrationChild).Assembly.Location);
        start.ArgumentList.Add("quantization");
        start.ArgumentList.Add(Name);
        start.ArgumentList.Add(samples.ToString(CultureInfo.InvariantCulture));
        using var child = Process.Start(start)!;
        var log = child.StandardError.ReadToEndAsync();
        var answer = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0) throw new InvalidOperationException($"A child ended with {child.ExitCode}: {answer}{log.Result}");
        return JsonSerializer.Deserialize<CalibrationCost>(answer)!;
    }

    private static async Task<CalibrationCost> RunAsync(int count, CancellationToken cancellationToken)
    {
        var models = OcrModels.Fetch(out var reason) ?? throw new InvalidOperationException(reason);
        using var fonts = TextLines.Open() ?? throw new InvalidOperationException("There are no DejaVu fonts.");
        var drawing = new Stopwatch();
        var options = new QuantizationOptions { MaxSamples = count }.CalibrateWith(Draw(fonts, count, drawing));
        var stages = new Stages();
        var progress = new ProgressReporter(stages, cancellationToken);
        await using var prepared = await PreparedModel.CreateAsync(
            ModelSource.FromFile(models.Recognizer), options, progress, cancellationToken);

        using var memory = new WorkingSetPeak();
        drawing.Reset();
        var started = Stopwatch.GetTimestamp();
        var plan = await prepared.PlanAsync(options, progress, cancellationToken);
        var took = Stopwatch.GetElapsedTime(started) - drawing.Elapsed;
        return new(
            took.TotalSeconds, Stopwatch.GetElapsedTime(started, stages.RangesDone).TotalSeconds, memory.Stop() / 1e6, plan.Ranges.Count);
    }

    /// <summary>Draws each line when it is asked for: the samples of a user are on a disk, not in memory.</summary>
    private static IEnumerable<PredictionInputs> Draw(TextLines fonts, int count, Stopwatch drawing)
    {
        for (var i = 0; i < count; i++)
        {
            drawing.Start();
            var line = fonts.Draw(i);
            drawing.Stop();
            yield return PredictionInputs.Rows(PredictionInput.Tensor("x", line, [1, 3, TextLines.Height, TextLines.Width]));
        }
    }

    private sealed class Stages : IProgress<QuantizationProgress>
    {
        public long RangesDone { get; private set; }

        public void Report(QuantizationProgress value)
        {
            if (RangesDone == 0 && value.Message.StartsWith("calibrated on", StringComparison.Ordinal))
                RangesDone = Stopwatch.GetTimestamp();
        }
    }
}
