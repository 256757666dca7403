using System.Globalization;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// Callers that block their threads until they have their answer, against as many that await it. Each measurement in a fresh process.
/// </summary>
internal static class BlockingRows
{
    public static readonly Claim Rate = Claim.AtLeast("blocking.rate_vs_async", "ratio", 0.5);
    public static readonly Claim TwoThreads = Claim.AtLeast("blocking.rate_vs_async.two_threads", "ratio", 0.5);
    public static readonly Claim Predict = Claim.AtLeast("blocking.predict_vs_async.two_threads", "ratio", 0.5);
    public static readonly Claim Late = Claim.AtMost("blocking.deadline_late_ms", "ms", 50);

    public static readonly Claim[] Claims = [Rate, TwoThreads, Predict, Late];

    /// <summary>
    /// The least share of callers that must have come to their deadlines: what is refused at once shows nothing of how late one hears.
    /// </summary>
    private const double LeastHeard = 0.9;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        var (rates, bounded, predicts, late) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var heard = int.MaxValue;
        BlockingResult awaiting = null!, blocking = null!, two = null!;
        for (var pair = 0; pair < Math.Max(5, windows / 4); pair++)
        {
            awaiting = Start(BlockingWay.Await, 0);
            blocking = Start(BlockingWay.Block, 0);
            two = Start(BlockingWay.Block, 2);
            var predict = Start(BlockingWay.Predict, 2);
            rates.Add(blocking.Rate / awaiting.Rate);
            bounded.Add(two.Rate / awaiting.Rate);
            predicts.Add(predict.Rate / awaiting.Rate);
            late.Add(Math.Max(Math.Max(blocking.LateMs, two.LateMs), predict.LateMs));
            heard = Math.Min(Math.Min(heard, blocking.Heard), Math.Min(two.Heard, predict.Heard));
        }

        yield return Rate.Row(MedianEstimate.Of(rates), string.Create(
            CultureInfo.InvariantCulture,
            $"{BlockingChild.Callers} callers on the thread pool that block on the task, digits.onnx behind UseBatching, over as many "
                + $"that await it; last {blocking.Rate:0}/s over {awaiting.Rate:0}/s, {blocking.PoolThreads} threads in the pool"));
        yield return TwoThreads.Row(MedianEstimate.Of(bounded), string.Create(
            CultureInfo.InvariantCulture,
            $"the same where the pool may have 2 threads, both blocked by callers, and the other callers block threads of their own; "
                + $"last {two.Rate:0}/s"));
        yield return Predict.Row(MedianEstimate.Of(predicts), "the same by the synchronous Predict");
        const int All = BlockingChild.Callers * BlockingChild.Rounds;
        yield return heard < LeastHeard * All
            ? Late.NotAvailable($"only {heard} of {All} callers came to their deadlines")
            : Late.Row(MedianEstimate.Of(late), string.Create(
                CultureInfo.InvariantCulture,
                $"the last of {BlockingChild.Callers} blocking callers to hear that its 100 ms are over, behind a gate that is shut, the "
                    + $"worst of the three; awaiting callers in the last pair {awaiting.LateMs:0.0} ms"));
    }

    private static BlockingResult Start(BlockingWay way, int maxThreads) =>
        OwnProcess.Ask<BlockingResult>(BlockingChild.Command, way.ToString(), FormattableString.Invariant($"{maxThreads}"));
}
