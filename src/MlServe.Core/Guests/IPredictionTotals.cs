namespace MlServe.Guests;

/// <summary>The numbers that the EventCounters show: counts over all models of the process.</summary>
internal interface IPredictionTotals
{
    long Ended { get; }

    long Failed { get; }

    long Refused { get; }

    long Cancelled { get; }

    long Active { get; }

    long Abandoned { get; }

    (long Nanoseconds, long Count) Durations { get; }
}
