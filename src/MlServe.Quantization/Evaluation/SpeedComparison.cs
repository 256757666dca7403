using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Measures a model and its source in turns, A B B A, in windows of equal length: the machine's drift falls on both, and the median of the ratios does not mind a
/// disturbed window. It stops as soon as the interval is narrow and clear of what the gate asks, and when its
/// time is over.
/// </summary>
internal static class SpeedComparison
{
    public const int MinPairs = 9;
    private const int MaxPairs = 121;

    // Wider than that, a disturbance may as well have made the difference.
    private const double Tight = 0.2;

    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(3);

    /// <param name="source">The source.</param>
    /// <param name="model">The model.</param>
    /// <param name="sample">What both run.</param>
    /// <param name="threshold">The ratio that has to be told from what is measured.</param>
    /// <param name="cancellationToken">Gives it up between two windows.</param>
    public static SpeedEstimate Measure(GraphSession source, GraphSession model, EncodedSample sample, double threshold, CancellationToken cancellationToken)
    {
        using var a = new BoundRun(source, sample);
        using var b = new BoundRun(model, sample);
        try
        {
            return Measure(a.Run, b.Run, threshold, cancellationToken);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new QuantizationException(QuantizationFailure.InvalidSample, $"The model refuses sample {sample.Index}: {exception.Message}", exception);
        }
    }

    internal static SpeedEstimate Measure(Action<int> source, Action<int> model, double threshold, CancellationToken cancellationToken)
    {
        var runsA = WarmUp(source, cancellationToken);
        var runsB = WarmUp(model, cancellationToken);
        List<double> ratios = [], timesA = [], timesB = [];
        var started = Stopwatch.GetTimestamp();
        while (ratios.Count < MaxPairs)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Which goes first changes from pair to pair.
            double first, second;
            if (ratios.Count % 2 == 0)
            {
                first = Time(source, runsA);
                second = Time(model, runsB);
            }
            else
            {
                second = Time(model, runsB);
                first = Time(source, runsA);
            }

            timesA.Add(first);
            timesB.Add(second);
            ratios.Add(first / second);
            if (ratios.Count < MinPairs) continue;
            var estimate = MedianEstimate.Of(ratios);
            if (threshold <= 0) break;
            var isClear = estimate.Low > threshold || estimate.High < threshold;
            if ((isClear && estimate.High - estimate.Low <= Tight * estimate.Median) || Stopwatch.GetElapsedTime(started) > Budget) break;
        }

        var ratio = MedianEstimate.Of(ratios);
        return new(ratio.Median, ratio.Low, ratio.High, ratios.Count, MedianEstimate.Of(timesA).Median * 1e3, MedianEstimate.Of(timesB).Median * 1e3);
    }

    /// <summary>Runs until a run's time no longer holds first-time costs.</summary>
    /// <returns>Runs that fill a window.</returns>
    private static int WarmUp(Action<int> action, CancellationToken cancellationToken)
    {
        action(1);
        for (var runs = 1; ; runs *= 2)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var seconds = Time(action, runs);
            if (seconds * runs >= Window.TotalSeconds / 2) return Math.Max(1, (int)Math.Round(Window.TotalSeconds / seconds));
        }
    }

    /// <summary>Seconds a run.</summary>
    private static double Time(Action<int> action, int runs)
    {
        var started = Stopwatch.GetTimestamp();
        action(runs);
        return Stopwatch.GetElapsedTime(started).TotalSeconds / runs;
    }
}
