using System.Globalization;
using ScottPlot;

namespace MlServe.Benchmarks.Load;

/// <summary>Draws a report.</summary>
internal static class LoadPlot
{
    // In nines: half of the values.
    private static readonly double Median = Math.Log10(2);

    private static readonly string[] Fonts = ["DejaVu Sans", "Liberation Sans", "Arial", "Helvetica"];

    private static readonly Color[] Colors =
        [Color.FromHex("#1b6ca8"), Color.FromHex("#d1495b"), Color.FromHex("#7d5ba6"), Color.FromHex("#2e8b57")];

    public static void Save(LoadReport report, string path)
    {
        UseSans();
        switch (report.Scenario)
        {
            case "peak":
                var multiplot = new Multiplot();
                multiplot.AddPlots(2);
                LatencyBySteps(multiplot.GetPlot(0), report);
                GoodputBySteps(multiplot.GetPlot(1), report);
                multiplot.SavePng(path, 1000, 900);
                break;
            case "server":
                var server = new Plot();
                LatencyByRate(server, report);
                server.SavePng(path, 1000, 560);
                break;
            default:
                var curves = new Plot();
                LatencyByPercentile(curves, report);
                curves.SavePng(path, 1000, 560);
                break;
        }
    }

    private static void LatencyBySteps(Plot plot, LoadReport report)
    {
        Lines(plot, report, "p50", 0, static step => step.P50Ms);
        Lines(plot, report, "p99", 1, static step => step.P99Ms);
        Lines(plot, report, "p99.9", 2, static step => step.P999Ms);
        Bound(plot, report);
        Title(plot, report, $"latency of answers: {report.Verdict.ToString().ToUpperInvariant()}");
        plot.YLabel("ms, from the moment due");
        Steps(plot, report);
        var all = report.Steps.SelectMany(static step => new[] { step.P50Ms, step.P999Ms })
            .OfType<double>()
            .Append(report.BoundMs).ToList();
        LimitsY(plot, all);
        plot.ShowLegend(Edge.Right);
    }

    private static void GoodputBySteps(Plot plot, LoadReport report)
    {
        var bars = new List<Bar>();
        for (var i = 0; i < report.Steps.Count; i++)
        {
            var step = report.Steps[i];
            bars.Add(new()
            {
                Position = i - 0.18,
                Value = step.Offered / step.Seconds,
                Size = 0.34,
                FillColor = Colors[0].WithAlpha(0.35),
            });
            bars.Add(new() { Position = i + 0.18, Value = step.Goodput, Size = 0.34, FillColor = Colors[3] });
        }

        plot.Add.Bars(bars);
        plot.Legend.ManualItems.Add(new() { LabelText = "due", FillColor = Colors[0].WithAlpha(0.35) });
        plot.Legend.ManualItems.Add(new() { LabelText = "in time", FillColor = Colors[3] });
        plot.Title("requests due, and answers within the bound", 15);
        plot.YLabel("a second");
        Steps(plot, report);
        plot.Axes.SetLimitsY(0, 1.1 * report.Steps.Max(static step => step.Offered / step.Seconds));
        plot.ShowLegend(Edge.Right);
    }

    private static void LatencyByRate(Plot plot, LoadReport report)
    {
        StepReport[] steps = [.. report.Steps.Where(static step => step.P99Ms is > 0).OrderBy(static step => step.Rate)];
        Points(plot, steps.Where(static step => step is { KeepsBound: true, IsSpoiled: false }), "kept the bound", Colors[3]);
        Points(plot, steps.Where(static step => !step.KeepsBound), "did not", Colors[1]);
        Points(plot, steps.Where(static step => step is { KeepsBound: true, IsSpoiled: true }), "generator late", Colors[2]);
        Bound(plot, report);
        if (report.Value is { } found)
        {
            var line = plot.Add.VerticalLine(Math.Log10(found), 1.5f, Colors[0], LinePattern.Dashed);
            line.LegendText = $"{ReportText.Number(found)}/s found";
        }

        Title(plot, report, "p99 of answers by rate");
        plot.XLabel("requests a second");
        plot.YLabel("ms, from the moment due");
        Fit(plot, steps.Select(static step => step.Rate), steps.Select(static step => step.P99Ms!.Value).Append(report.BoundMs));
        plot.ShowLegend(Edge.Right);
    }

    /// <summary>As HdrHistogram's own pictures have it: each nine of the percentile takes the same room.</summary>
    private static void LatencyByPercentile(Plot plot, LoadReport report)
    {
        var (x, y) = (new List<double>(), new List<double>());
        for (var i = 0; i < report.Steps.Count; i++)
        {
            var step = report.Steps[i];
            if (step.Latency is not { TotalCount: > 0 } histogram) continue;
            var (xs, ys) = (new List<double>(), new List<double>());
            var most = Math.Log10(histogram.TotalCount);
            for (var nines = Median; nines <= most; nines += 0.05)
            {
                xs.Add(nines);
                ys.Add(histogram.Milliseconds(1 - Math.Pow(10, -nines)));
            }

            var line = plot.Add.ScatterLine(xs.ToArray(), ys.Select(Math.Log10).ToArray(), Colors[i]);
            (line.LineWidth, line.LegendText) = (2, step.Name);
            (x, y) = ([.. x, .. xs], [.. y, .. ys]);
        }

        if (report.Scenario == "burst")
        {
            Bound(plot, report);
            y.Add(report.BoundMs);
        }

        Title(plot, report, report.Metric is null ? "latency" : $"{report.Metric}: {ReportText.Number(report.Value)}");
        plot.XLabel("percentile");
        plot.YLabel("ms");
        string[] labels = ["50", "90", "99", "99.9", "99.99", "99.999", "99.9999"];
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [Median, .. Enumerable.Range(1, labels.Length - 1).Select(static i => (double)i)], labels);
        plot.Axes.SetLimitsX(Median, Math.Max(1, x.Max()) + 0.1);
        LimitsY(plot, y);
        plot.ShowLegend(Alignment.UpperLeft);
    }

    private static void Lines(Plot plot, LoadReport report, string label, int color, Func<StepReport, double?> valueOf)
    {
        (double X, double Y)[] points = [.. report.Steps.Select((step, i) => (X: (double)i, Y: valueOf(step)))
            .Where(static point => point.Y is > 0)
            .Select(static point => (point.X, Math.Log10(point.Y!.Value)))];
        var line = plot.Add.Scatter(
            points.Select(static point => point.X).ToArray(), points.Select(static point => point.Y).ToArray(), Colors[color]);
        (line.LineWidth, line.MarkerSize, line.LegendText) = (2, 9, label);
    }

    private static void Points(Plot plot, IEnumerable<StepReport> steps, string label, Color color)
    {
        StepReport[] all = [.. steps];
        if (all.Length == 0) return;
        var points = plot.Add.ScatterPoints(
            all.Select(static step => Math.Log10(step.Rate)).ToArray(), all.Select(static step => Math.Log10(step.P99Ms!.Value)).ToArray(),
            color);
        (points.MarkerSize, points.LegendText) = (10, label);
    }

    private static void Bound(Plot plot, LoadReport report)
    {
        var line = plot.Add.HorizontalLine(Math.Log10(report.BoundMs), 1.5f, Color.FromHex("#444444"), LinePattern.Dashed);
        line.LegendText = $"bound {ReportText.Number(report.BoundMs)} ms";
    }

    private static void Steps(Plot plot, LoadReport report)
    {
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. report.Steps.Select(static (_, i) => (double)i)],
            [.. report.Steps.Select(static step => string.Create(CultureInfo.InvariantCulture, $"{step.Name}\n{step.Rate:#,0.##}/s"))]);
        plot.Axes.SetLimitsX(-0.6, report.Steps.Count - 0.4);
        plot.Axes.Bottom.MinimumSize = 45;
    }

    /// <summary>Values are given as their logarithms; the axis tells what they are, by ones, twos and fives.</summary>
    private static ScottPlot.TickGenerators.NumericManual LogTicks(double from, double to)
    {
        var ticks = new ScottPlot.TickGenerators.NumericManual();
        int[] steps = to - from > 3 ? [1] : to - from > 1.2 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 8];
        for (var power = (int)Math.Floor(from); power <= Math.Ceiling(to); power++)
        {
            for (var digit = 1; digit < 10; digit++)
            {
                var value = digit * Math.Pow(10, power);
                if (Math.Log10(value) < from || Math.Log10(value) > to) continue;
                if (steps.Contains(digit))
                    ticks.AddMajor(Math.Log10(value), value.ToString(value >= 1 ? "#,0" : "0.######", CultureInfo.InvariantCulture));
                else ticks.AddMinor(Math.Log10(value));
            }
        }

        return ticks;
    }

    private static void Fit(Plot plot, IEnumerable<double> xs, IEnumerable<double> ys)
    {
        double[] x = [.. xs.Select(Math.Log10)];
        plot.Axes.SetLimitsX(x.Min() - 0.1, x.Max() + 0.1);
        plot.Axes.Bottom.TickGenerator = LogTicks(x.Min() - 0.1, x.Max() + 0.1);
        LimitsY(plot, ys);
    }

    private static void LimitsY(Plot plot, IEnumerable<double> values)
    {
        double[] y = [.. values.Where(static value => value > 0).Select(Math.Log10)];
        plot.Axes.SetLimitsY(y.Min() - 0.2, y.Max() + 0.25);
        plot.Axes.Left.TickGenerator = LogTicks(y.Min() - 0.2, y.Max() + 0.25);
    }

    private static void Title(Plot plot, LoadReport report, string text) =>
        plot.Title($"{report.Setup.GetValueOrDefault("model", "model")}, {report.Scenario}: {text}\n{report.Kind}", 15);

    private static void UseSans()
    {
        var installed = SkiaSharp.SKFontManager.Default.GetFontFamilies();
        var sans = Fonts.FirstOrDefault(font => installed.Contains(font, StringComparer.OrdinalIgnoreCase));
        if (sans is not null) ScottPlot.Fonts.Default = ScottPlot.Fonts.Sans = sans;
    }
}
