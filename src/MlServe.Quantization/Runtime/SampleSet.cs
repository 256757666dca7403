using System.Runtime.CompilerServices;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// A user's samples, read again as often as they are needed and never kept. Every fourth is held back from calibration, to compare on; with fewer than four all serve
/// for both, and the report says so.
/// </summary>
internal sealed class SampleSet(IAsyncEnumerable<PredictionInputs> samples, SampleEncoder encoder, int maxSamples)
{
    private const int HoldBackEvery = 4;

    /// <summary>Samples to calibrate on; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> Calibration(CancellationToken cancellationToken) => ReadAsync(static index => index % HoldBackEvery != HoldBackEvery - 1, cancellationToken);

    /// <summary>Samples that calibration has not seen; each is disposed when the next is asked for.</summary>
    public IAsyncEnumerable<EncodedSample> HeldBack(CancellationToken cancellationToken) => ReadAsync(static index => index % HoldBackEvery == HoldBackEvery - 1, cancellationToken);

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
