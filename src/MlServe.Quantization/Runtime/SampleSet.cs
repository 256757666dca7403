using System.Runtime.CompilerServices;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// A user's samples, read again as often as they are needed and never kept. Of each four the first two are calibrated on, and candidates
/// are compared on the second. The last two are kept for the last word, so that it is spoken on rows that nothing was chosen by. With fewer
/// than four all serve for all, and the report says so.
/// </summary>
internal sealed class SampleSet(IAsyncEnumerable<PredictionInputs> samples, SampleEncoder encoder, int maxSamples)
{
    private const int Round = 4;
    private const int Calibrated = 2;

    // A pass over samples takes no more of what is left than this, once it has seen the least that shows anything.
    private const double ShareOfTime = 0.25;
    private const int LeastOfPass = 16;

    /// <summary>Whether there are so few that all serve for all.</summary>
    public bool IsShared { get; set; }

    /// <summary>
    /// By what passes are cut short that something is chosen by; null: none is. The last word is not cut short: it is spoken on all rows,
    /// or not.
    /// </summary>
    public SearchClock? Clock { get; set; }

    /// <summary>How many samples the shortest pass saw that was cut short; null: none was.</summary>
    public int? CutTo { get; private set; }

    /// <summary>Whether a sample is one to calibrate on, if there are enough.</summary>
    public static bool IsCalibrated(int index) => index % Round < Calibrated;

    /// <summary>Samples to calibrate on; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> Calibration(CancellationToken cancellationToken) =>
        ReadAsync(index => IsShared || IsCalibrated(index), Clock?.HasPart(ShareOfTime), cancellationToken);

    /// <summary>Samples that candidates are compared on; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> Selection(CancellationToken cancellationToken) =>
        ReadAsync(index => IsShared || index % Round == Calibrated - 1, Clock?.HasPart(ShareOfTime), cancellationToken);

    /// <summary>Samples that nothing was chosen by; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> HeldBack(CancellationToken cancellationToken) =>
        ReadAsync(index => IsShared || index % Round >= Calibrated, null, cancellationToken);

    /// <summary>All samples; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> All(CancellationToken cancellationToken) => ReadAsync(static _ => true, null, cancellationToken);

    private async IAsyncEnumerable<EncodedSample> ReadAsync(
        Func<int, bool> wanted, Func<bool>? hasTime, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (index, seen) = (0, 0);
        await foreach (var sample in samples.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (index >= maxSamples) yield break;
            if (wanted(index))
            {
                if (seen >= LeastOfPass && hasTime?.Invoke() == false)
                {
                    CutTo = Math.Min(seen, CutTo ?? seen);
                    yield break;
                }

                seen++;
                using var encoded = encoder.Encode(index, in sample);
                yield return encoded;
            }

            index++;
        }
    }
}
