using System.Runtime.CompilerServices;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// A user's samples, read again as often as they are needed and never kept. Of each four the first two are calibrated on, candidates are compared on the second, and the last two are kept for the last word, so that it is
/// spoken on rows that nothing was chosen by. With fewer than four all serve for all, and the report says so.
/// </summary>
internal sealed class SampleSet(IAsyncEnumerable<PredictionInputs> samples, SampleEncoder encoder, int maxSamples)
{
    private const int Round = 4;
    private const int Calibrated = 2;

    /// <summary>Whether there are so few that all serve for all.</summary>
    public bool IsShared { get; set; }

    /// <summary>Whether a sample is one to calibrate on, where there are enough.</summary>
    public static bool IsCalibrated(int index) => index % Round < Calibrated;

    /// <summary>Samples to calibrate on; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> Calibration(CancellationToken cancellationToken) => ReadAsync(index => IsShared || IsCalibrated(index), cancellationToken);

    /// <summary>Samples that candidates are compared on; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> Selection(CancellationToken cancellationToken) => ReadAsync(index => IsShared || index % Round == Calibrated - 1, cancellationToken);

    /// <summary>Samples that nothing was chosen by; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> HeldBack(CancellationToken cancellationToken) => ReadAsync(index => IsShared || index % Round >= Calibrated, cancellationToken);

    /// <summary>All samples; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> All(CancellationToken cancellationToken) => ReadAsync(static _ => true, cancellationToken);

    private async IAsyncEnumerable<EncodedSample> ReadAsync(Func<int, bool> wanted, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var index = 0;
        await foreach (var sample in samples.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (index >= maxSamples) yield break;
            if (wanted(index))
            {
                using var encoded = encoder.Encode(index, in sample);
                yield return encoded;
            }

            index++;
        }
    }
}
