using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>A switch that makes MlServe slower than it is, to show that the rows notice: <c>eng/scorecard-test.sh</c>.</summary>
internal static class Sabotage
{
    private const double Microseconds = 20;

    private const string Variable = "MLSERVE_BENCHMARKS_SABOTAGE";

    public static bool IsOn { get; set; }

    /// <summary>Whether it is on in the process that started this one.</summary>
    public static bool IsOnInParent => Environment.GetEnvironmentVariable(Variable) is not null;

    /// <summary>Turns it on, for child processes that ask for it too.</summary>
    public static void TurnOn()
    {
        IsOn = true;
        Environment.SetEnvironmentVariable(Variable, "1");
    }

    /// <summary>
    /// The predictor, or where the switch is on one that spins 20 µs before each prediction. The predictor stays the caller's to dispose.
    /// </summary>
    public static IPredictor Wrap(IPredictor predictor) => IsOn ? new SpinningPredictor(predictor) : predictor;

    private sealed class SpinningPredictor(IPredictor inner) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            var started = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(started).TotalMicroseconds < Microseconds)
                Thread.SpinWait(8);
            return Inner.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
