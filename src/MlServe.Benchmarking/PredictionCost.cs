namespace MlServe.Benchmarking;

internal static class PredictionCost
{
    private const double SecondsAnHour = 3600;
    private const double Million = 1e6;

    public static double? PerMillion(decimal? hourlyPrice, double secondsPerPrediction) =>
        hourlyPrice is { } price ? (double)price / SecondsAnHour * secondsPerPrediction * Million : null;

    public static void ThrowIfNotAPrice(decimal? hourlyPrice)
    {
        if (hourlyPrice < 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(hourlyPrice), hourlyPrice, "The price of a machine an hour is 0 or more. Leave it out to have no cost.");
        }
    }
}
