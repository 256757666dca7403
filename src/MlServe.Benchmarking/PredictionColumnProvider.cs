using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;

namespace MlServe.Benchmarking;

internal sealed class PredictionColumnProvider(decimal? hourlyPrice) : IColumnProvider
{
    private static readonly IColumn[] Columns =
    [
        new PredictionColumn(
            "Call p50", "Half of the recorded calls took no longer", UnitType.Time,
            static (figures, style) => PredictionColumn.Time(figures.LatencyNanoseconds(50), style)),
        new PredictionColumn(
            "Call p99", "99 of 100 recorded calls took no longer", UnitType.Time,
            static (figures, style) => PredictionColumn.Time(figures.LatencyNanoseconds(99), style)),
        new PredictionColumn(
            "Predictions/s", "Predictions a second: 1 / Mean", UnitType.Dimensionless,
            static (figures, style) =>
                figures.PredictionsPerSecond.ToString(figures.PredictionsPerSecond < 100 ? "0.00" : "#,0", style.CultureInfo)),
    ];

    public IEnumerable<IColumn> GetColumns(Summary summary) => hourlyPrice is { } price ? [.. Columns, Cost(price)] : Columns;

    private static PredictionColumn Cost(decimal price) => new(
        "Cost/1M", FormattableString.Invariant($"Cost of a million predictions at {price} an hour for the whole machine, never idle"),
        UnitType.Dimensionless,
        static (figures, style) => figures.CostPerMillion?.ToString($"F{Decimals(figures.CostPerMillion.Value)}", style.CultureInfo),
        price);

    /// <summary>Three significant digits, and two decimals at least.</summary>
    private static int Decimals(double value) => value > 0 ? Math.Clamp(2 - (int)Math.Floor(Math.Log10(value)), 2, 12) : 2;
}
