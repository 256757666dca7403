using System.Globalization;
using MlServe.Quantization;
using ScottPlot;

namespace MlServe.Cli.Output;

/// <summary>Draws the candidates of a report: how fast each is, and how well it agrees with the source.</summary>
internal static class SearchPlot
{
    private const int Width = 900;
    private const int Height = 560;

    /// <returns>A PNG file, or null where no candidate was measured.</returns>
    public static byte[]? Draw(QuantizationReport report)
    {
        var steps = report.SearchSteps.Where(static step => step.Speed is not null && ValueOf(step) is not null).ToArray();
        if (steps.Length == 0) return null;
        var byAgreement = steps.All(static step => step.Agreement is not null);
        double Y(SearchStep step) => byAgreement ? step.Agreement!.Value * 100 : Math.Clamp(step.SnrDb ?? 0, -10, 100);

        using var plot = new Plot();
        plot.Title($"{Path.GetFileName(report.Source)}: speed against {(byAgreement ? "agreement" : "noise")}", size: 17);
        plot.XLabel("speed against the source (times; line: 95 % interval; filled: passed the gate)");
        plot.YLabel(byAgreement ? "rows that agree with the source (%)" : "signal to noise (dB; 100: equal)");
        plot.Add.VerticalLine(1, 1, Colors.Gray, LinePattern.Dotted);
        // What leaves out ever more nodes is one path; FP32 and storage stand apart.
        SearchStep[] path = [.. steps.Where(step => step.Method == steps.LastOrDefault(static one => one.QuantizedNodes > 0
            && one.Method is QuantizationMethod.Static or QuantizationMethod.Dynamic)?.Method)
            .OrderByDescending(static step => step.QuantizedNodes)];
        if (path.Length > 1)
        {
            var line = plot.Add.ScatterLine(
                path.Select(static step => step.Speed!.Ratio).ToArray(), path.Select(Y).ToArray(), Colors.Gray.WithAlpha(0.5));
            line.LinePattern = LinePattern.Dashed;
        }

        for (var i = 0; i < steps.Length; i++)
        {
            var step = steps[i];
            var color = step.Passed ? Colors.Green : Colors.Red;
            var y = Y(step);
            plot.Add.Line(step.Speed!.Low, y, step.Speed.High, y).Color = color.WithAlpha(0.5);
            plot.Add.Marker(step.Speed.Ratio, y, step.Passed ? MarkerShape.FilledCircle : MarkerShape.OpenCircle, 10, color);
            var label = plot.Add.Text(string.Create(CultureInfo.InvariantCulture, $"{i + 1}"), step.Speed.Ratio, y);
            label.LabelFontSize = 13;
            label.LabelFontColor = color;
            label.OffsetX = 7;
            label.OffsetY = -16;
            plot.Legend.ManualItems.Add(new()
            {
                LabelText = string.Create(
                    CultureInfo.InvariantCulture, $"{i + 1}  {Short(step.Description)} ({step.QuantizedNodes} nodes)"),
                MarkerShape = step.Passed ? MarkerShape.FilledCircle : MarkerShape.OpenCircle,
                MarkerColor = color,
                MarkerSize = 9,
            });
        }

        var legend = plot.ShowLegend(Edge.Bottom);
        legend.Legend.Orientation = Orientation.Vertical;
        plot.Axes.Margins(0.12, 0.18);
        if (byAgreement)
        {
            const double Least = 1;
            var below = Math.Max(Least, 100 - steps.Min(Y)) * 1.1;
            plot.Axes.SetLimitsY(100 - below, 100 + (below * 0.09));
        }

        return plot.GetImageBytes(Width, Height + (Math.Min(steps.Length, 16) * 22), ImageFormat.Png);
    }

    private static double? ValueOf(SearchStep step) => step.Agreement ?? step.SnrDb;

    private static string Short(string text) => text.Length <= 60 ? text : $"{text[..57]}...";
}
