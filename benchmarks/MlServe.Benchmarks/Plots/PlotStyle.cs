using System.Globalization;
using MlServe.Benchmarks.Measurement;
using ScottPlot;

namespace MlServe.Benchmarks.Plots;

/// <summary>How all pictures look: fonts, colours, size, and the machine in small print at the foot.</summary>
internal static class PlotStyle
{
    private const int Width = 1100;
    private const int Height = 600;

    private static readonly double[] CoarseSteps = [1, 2, 5];
    private static readonly double[] FineSteps = [1, 1.5, 2, 3, 4, 5, 7];

    private static readonly Color Ink = Color.FromHex("#26323a");

    // Okabe and Ito's palette, which colour-blind readers can tell apart.
    public static readonly Color[] Colors =
        [.. new[] { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9" }.Select(Color.FromHex)];

    public static Plot Create(string title, string x, string y)
    {
        // The default picks a serif font.
        Fonts.Default = Fonts.Sans = "DejaVu Sans";
        var plot = new Plot();
        plot.FigureBackground.Color = ScottPlot.Colors.White;
        plot.DataBackground.Color = ScottPlot.Colors.White;
        plot.Axes.Color(Ink);
        plot.Axes.Title.Label.Text = title;
        plot.Axes.Title.Label.FontSize = 18;
        plot.XLabel(x, 14);
        plot.YLabel(y, 14);
        plot.Axes.Bottom.TickLabelStyle.FontSize = plot.Axes.Left.TickLabelStyle.FontSize = 12;
        plot.Axes.Right.MinimumSize = 20;
        plot.Grid.MajorLineColor = Color.FromHex("#e3e8eb");
        return plot;
    }

    /// <summary>A line with a marker at each point, under a name of the legend.</summary>
    public static void AddLine(Plot plot, string name, double[] x, double[] y, int color, bool isDashed = false, bool hasMarkers = true)
    {
        var line = plot.Add.Scatter(x, y);
        line.LegendText = name;
        line.Color = Colors[color % Colors.Length];
        line.LineWidth = 2.2f;
        line.LinePattern = isDashed ? LinePattern.Dashed : LinePattern.Solid;
        line.MarkerSize = hasMarkers ? 8 : 0;
        line.MarkerShape = isDashed ? MarkerShape.OpenCircle : MarkerShape.FilledCircle;
    }

    /// <summary>Writes the picture, with the legend beside the data and the machine below it.</summary>
    /// <param name="plot">What was drawn.</param>
    /// <param name="path">A .png.</param>
    /// <param name="note">What else the reader must know; null: nothing.</param>
    public static string Save(Plot plot, string path, string? note)
    {
        var legend = plot.ShowLegend(Edge.Right);
        legend.Legend.FontSize = 12;
        legend.Legend.OutlineWidth = 0;
        legend.Legend.ShadowColor = ScottPlot.Colors.Transparent;
        legend.Legend.BackgroundColor = ScottPlot.Colors.White;

        // An axis without ticks: text of an axis stands outside of the data.
        var footer = plot.Axes.AddBottomAxis();
        footer.TickGenerator = new ScottPlot.TickGenerators.EmptyTickGenerator();
        footer.FrameLineStyle.Width = 0;
        footer.LabelText = note is null ? Machine.Describe() : $"{note}; {Machine.Describe()}";
        footer.LabelFontSize = 10;
        footer.LabelBold = false;
        footer.LabelFontColor = Color.FromHex("#6b7880");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        plot.SavePng(path, Width, Height);
        return path;
    }

    /// <summary>Ticks for the upright axis of what has been drawn, of data that are logarithms.</summary>
    public static void UseLogarithms(Plot plot)
    {
        plot.Axes.AutoScale();
        var steps = plot.Axes.GetLimits().VerticalSpan > 1.2 ? CoarseSteps : FineSteps;
        UseTicks(plot.Axes.Left, Enumerable.Range(-9, 19).SelectMany(exponent => steps.Select(step => step * Math.Pow(10, exponent))));
    }

    /// <summary>Ticks at values, of data that are their logarithms.</summary>
    public static void UseTicks(IAxis axis, IEnumerable<double> values) => axis.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
        [.. values.Select(static value => new Tick(Math.Log10(value), value.ToString("#,0.#########", CultureInfo.InvariantCulture)))]);

    public static double[] Log(IEnumerable<double> values) => [.. values.Select(Math.Log10)];
}
