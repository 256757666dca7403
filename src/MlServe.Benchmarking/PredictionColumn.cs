using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Perfolizer.Horology;

namespace MlServe.Benchmarking;

/// <summary>A column that takes its value from <see cref="PredictionFigures"/>; "-" if there is none.</summary>
internal sealed class PredictionColumn(
    string name, string legend, UnitType unit, Func<PredictionFigures, SummaryStyle, string?> format, decimal? hourlyPrice = null)
    : IColumn
{
    private const string NoFigure = "-";

    public string Id => $"{nameof(PredictionColumn)}.{name}";

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => unit;

    public string Legend => legend;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, SummaryStyle.Default);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) =>
        summary[benchmarkCase] is { } report && PredictionFigures.Of(report, hourlyPrice) is { } figures
            ? format(figures, style) ?? NoFigure
            : NoFigure;

    /// <summary>
    /// In the cell's own unit, because calls may take a thousand times the mean; or in the table's if the header has it.
    /// </summary>
    public static string? Time(double? nanoseconds, SummaryStyle style)
    {
        if (nanoseconds is not { } value) return null;
        var unit = style is { PrintUnitsInContent: false, TimeUnit: { } common } ? common : TimeUnit.GetBestTimeUnit(value);
        var number = TimeUnit.Convert(value, TimeUnit.Nanosecond, unit).ToString("#,0.000", style.CultureInfo);
        return style.PrintUnitsInContent ? $"{number} {unit.Abbreviation}" : number;
    }
}
