using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Many callers from the moment on at which a host is ready: batches are measured while they ask.</summary>
internal static class FirstSecondsRows
{
    public static readonly Claim FirstSeconds = Claim.AtLeast("load.first_seconds_vs_steady", "ratio", 0.5);

    private const int Processes = 3;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        using var folder = new ModelFolder([OnnxModel.Mlp(1, 784, 512, 512, 10)]);
        var results = Enumerable.Range(0, Processes).Select(_ => folder.AskFirstSeconds()).ToArray();
        yield return FirstSeconds.Row(
            MedianEstimate.Of([.. results.Select(static result => (double)result.First / result.Later)]),
            string.Create(
                CultureInfo.InvariantCulture,
                $"answers of the first {FirstSecondsChild.Seconds} s after ready over those of the next {FirstSecondsChild.Seconds} s, MLP "
                    + $"784-512-512-10 behind UseBatching, {FirstSecondsChild.Callers} callers, {Processes} fresh processes; the last: "
                    + $"{results[^1].First} over {results[^1].Later}, of them {results[^1].FirstSecond} in the first second"));
    }
}
