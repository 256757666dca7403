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
            static (figures, style) => figures.PredictionsPerSecond.ToString(figures.PredictionsPerSecond < 100 ? "0.00" : "#,0", style.CultureInfo)),
    ];

    public IEnumerable<IColumn> GetColumns(Summary summary) => hourlyPrice is { } price ? [.. Columns, Cost(price)] : Columns;

    private static PredictionColumn Cost(decimal price) => new(
        "Cost/1M", FormattableString.Invariant($"Cost of a million predictions at {price} an hour for the whole machine, never idle"), UnitType.Dimensionless,
        static (figures, style) => figures.CostPerMillion?.ToString(figures.CostPerMillion < 0.01 ? "0.00000" : "0.0000", style.CultureInfo), price);
}
