using MlServe.Guests;

namespace MlServe.Monitoring;

/// <summary>The counts of all models of the process, those that are gone included: the numbers that the EventCounters show.</summary>
internal static class PredictionTotals
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<ModelStatistics> Models = [];
    private static readonly long[] OfModelsGone = new long[ModelStatistics.Count];

    static PredictionTotals() => MlServeEventSource.CountWith(new Totals());

    /// <summary>Predictions that ended, however they ended.</summary>
    public static long Ended => Sum(ModelStatistics.Outcomes, PredictionOutcome.Count);

    public static long Failed => Sum(Cell(PredictionStatus.Failed)) + Sum(ModelStatistics.Outcomes + PredictionOutcome.Exception);

    public static long Cancelled => Sum(ModelStatistics.Outcomes + PredictionOutcome.Cancelled);

    /// <summary>Predictions that ended with a status other than Ok and Failed.</summary>
    public static long Refused =>
        Sum(Cell(PredictionStatus.Invalid), (int)PredictionStatus.DeadlineExceeded - (int)PredictionStatus.Invalid + 1);

    public static long Active
    {
        get
        {
            var ended = Ended;
            return Sum(ModelStatistics.Started) - ended;
        }
    }

    public static (long Nanoseconds, long Count) Durations => (Sum(ModelStatistics.Nanoseconds), Sum(ModelStatistics.Timed));

    /// <summary>The models that are counted apart; for tests.</summary>
    public static int ModelCount
    {
        get
        {
            lock (Gate) return Models.Count;
        }
    }

    public static void Add(ModelStatistics model)
    {
        lock (Gate) Models.Add(model);
    }

    /// <summary>Keeps the counts of a model and lets go of the model; again, if a straggler has counted since.</summary>
    public static void Retire(ModelStatistics model)
    {
        lock (Gate)
        {
            Models.Remove(model);
            model.MoveTo(OfModelsGone);
        }
    }

    private static int Cell(PredictionStatus status) => ModelStatistics.Outcomes + PredictionOutcome.Of(status);

    private static long Sum(int first, int count = 1)
    {
        lock (Gate)
        {
            long sum = 0;
            for (var counter = first; counter < first + count; counter++)
            {
                sum += OfModelsGone[counter];
                foreach (var model in Models)
                    sum += model[counter];
            }

            return sum;
        }
    }

    private sealed class Totals : IPredictionTotals
    {
        public long Ended => PredictionTotals.Ended;

        public long Failed => PredictionTotals.Failed;

        public long Refused => PredictionTotals.Refused;

        public long Cancelled => PredictionTotals.Cancelled;

        public long Active => PredictionTotals.Active;

        public long Abandoned => PredictionState.Abandoned;

        public (long Nanoseconds, long Count) Durations => PredictionTotals.Durations;
    }
}
