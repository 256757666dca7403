using System.Runtime.CompilerServices;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>What models are compared on: the user's samples that were held back from calibration, or inputs that were made up.</summary>
internal sealed class EvaluationSamples : IDisposable
{
    /// <summary>Samples that stay in memory, for what is done with many candidates.</summary>
    public const int MaxRetained = 8;

    private const int LeastToHoldBack = 4;

    private readonly SampleSet? _samples;
    private readonly List<EncodedSample> _retained;

    private EvaluationSamples(SampleSet? samples, List<EncodedSample> retained)
    {
        _samples = samples;
        _retained = retained;
    }

    public SampleSet Given => _samples ?? throw new InvalidOperationException("There are no samples.");

    public bool IsMadeUp => _samples is null;

    /// <summary>Whether there are too few samples to hold any back.</summary>
    public bool IsSeenByCalibration => !IsMadeUp && _retained.Count < LeastToHoldBack;

    /// <summary>The first samples; none where none could be made up.</summary>
    public IReadOnlyList<EncodedSample> Retained => _retained;

    /// <summary>Copies the first samples.</summary>
    public static async Task<IReadOnlyList<PredictionInputs>> PeekAsync(IAsyncEnumerable<PredictionInputs> samples, int maxSamples, CancellationToken cancellationToken)
    {
        var copies = new List<PredictionInputs>();
        await foreach (var sample in samples.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            copies.Add(SampleCopy.Of(in sample));
            if (copies.Count >= Math.Min(MaxRetained, maxSamples)) break;
        }

        return copies.Count > 0 ? copies : throw new QuantizationException(QuantizationFailure.NoCalibrationData,
            "CalibrationSamples yields no sample. Give a few dozen that are typical of real inputs, or none at all (null) to quantize without.");
    }

    public static EvaluationSamples Of(SampleSet? samples, SampleEncoder encoder, IReadOnlyList<PredictionInputs> first)
    {
        var retained = new List<EncodedSample>(first.Count);
        try
        {
            for (var i = 0; i < first.Count; i++)
            {
                var sample = first[i];
                retained.Add(encoder.Encode(i, in sample));
            }

            return new(samples, retained);
        }
        catch
        {
            retained.ForEach(static sample => sample.Dispose());
            throw;
        }
    }

    public IAsyncEnumerable<EncodedSample> ToCompareOn(CancellationToken cancellationToken)
    {
        if (_samples is null) return KeptAsync(cancellationToken);
        return IsSeenByCalibration ? _samples.All(cancellationToken) : _samples.HeldBack(cancellationToken);
    }

    public async IAsyncEnumerable<EncodedSample> KeptAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var sample in _retained)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return sample;
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    public void Dispose() => _retained.ForEach(static sample => sample.Dispose());
}
