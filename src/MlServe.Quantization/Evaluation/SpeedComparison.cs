using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Measures a model and its source in turns, A B B A, in windows of equal length. The machine's drift falls on both, and the median of the
/// ratios does not mind a disturbed window. With one thread an operator all the work is done on the thread that measures. So that thread's
/// own time is taken and not that on the wall. It stops as soon as the interval is narrow and clear of what the gate asks, and when its
/// time is over.
/// </summary>
internal static class SpeedComparison
{
    public const int MinPairs = 9;
    private const int MaxPairs = 241;

    // Wider than that, a disturbance may as well have made the difference.
    private const double Tight = 0.1;

    private const double WindowSeconds = 0.01;

    // Of the clock that is measured by; and on the wall, where a busy machine gives little of the first.
    private const double BudgetSeconds = 4;
    private const double WallBudgetSeconds = 12;

    /// <param name="source">The source.</param>
    /// <param name="model">The model.</param>
    /// <param name="sample">The sample that both run.</param>
    /// <param name="threshold">The ratio that has to be told from the measured one; 0: none.</param>
    /// <param name="most">The longest that it may take on the wall, once there are as many pairs as an interval needs.</param>
    /// <param name="cancellationToken">Gives it up between two windows.</param>
    public static SpeedEstimate Measure(
        GraphSession source, GraphSession model, EncodedSample sample, double threshold, TimeSpan most, CancellationToken cancellationToken)
    {
        using var a = new BoundRun(source, sample);
        using var b = new BoundRun(model, sample);
        try
        {
            var clock = ThreadClock.IsAvailable && source.Threads == 1 && model.Threads == 1 ? SpeedClock.ThreadTime : SpeedClock.WallClock;
            return Measure(a.Run, b.Run, threshold, clock, cancellationToken, Math.Min(most.TotalSeconds, WallBudgetSeconds));
        }
        catch (OnnxRuntimeException exception)
        {
            throw new QuantizationException(
                QuantizationFailure.InvalidSample, $"The model refuses sample {sample.Index}: {exception.Message}", exception);
        }
    }

    /// <inheritdoc cref="Measure(GraphSession, GraphSession, EncodedSample, double, TimeSpan, CancellationToken)"/>
    public static SpeedEstimate Measure(
        GraphSession source, GraphSession model, EncodedSample sample, double threshold, CancellationToken cancellationToken) =>
        Measure(source, model, sample, threshold, TimeSpan.MaxValue, cancellationToken);

    internal static SpeedEstimate Measure(
        Action<int> source, Action<int> model, double threshold, SpeedClock clock, CancellationToken cancellationToken,
        double mostSeconds = WallBudgetSeconds)
    {
        Func<double> now = clock == SpeedClock.ThreadTime ? ThreadClock.Seconds : ThreadClock.WallSeconds;
        var runsA = WarmUp(source, now, cancellationToken);
        var runsB = WarmUp(model, now, cancellationToken);
        List<double> ratios = [], timesA = [], timesB = [];
        double started = now(), wallStarted = ThreadClock.WallSeconds();
        while (ratios.Count < MaxPairs)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Which goes first changes from pair to pair.
            double first, second;
            if (ratios.Count % 2 == 0)
            {
                first = Time(source, runsA, now);
                cancellationToken.ThrowIfCancellationRequested();
                second = Time(model, runsB, now);
            }
            else
            {
                second = Time(model, runsB, now);
                cancellationToken.ThrowIfCancellationRequested();
                first = Time(source, runsA, now);
            }

            timesA.Add(first);
            timesB.Add(second);
            ratios.Add(first / second);
            if (ratios.Count < MinPairs) continue;
            var estimate = MedianEstimate.Of(ratios);
            if (threshold <= 0) break;
            var isClear = estimate.Low > threshold || estimate.High < threshold;
            if (isClear && estimate.High - estimate.Low <= Tight * estimate.Median) break;
            if (now() - started > BudgetSeconds || ThreadClock.WallSeconds() - wallStarted > mostSeconds) break;
        }

        var ratio = MedianEstimate.Of(ratios);
        return new(
            ratio.Median, ratio.Low, ratio.High, ratios.Count, MedianEstimate.Of(timesA).Median * 1e3,
            MedianEstimate.Of(timesB).Median * 1e3)
        {
            Clock = clock,
            Running = clock == SpeedClock.ThreadTime ? Math.Min(1, (now() - started) / (ThreadClock.WallSeconds() - wallStarted)) : 1,
        };
    }

    /// <summary>Runs until a run's time no longer holds first-time costs.</summary>
    /// <returns>Runs that fill a window.</returns>
    private static int WarmUp(Action<int> action, Func<double> now, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        action(1);
        for (var runs = 1; ; runs *= 2)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var seconds = Time(action, runs, now);
            if (seconds * runs >= WindowSeconds / 2) return Math.Max(1, (int)Math.Round(WindowSeconds / seconds));
        }
    }

    /// <summary>Seconds a run.</summary>
    private static double Time(Action<int> action, int runs, Func<double> now)
    {
        var started = now();
        action(runs);
        return (now() - started) / runs;
    }
}
