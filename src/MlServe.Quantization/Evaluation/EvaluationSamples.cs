using System.Runtime.CompilerServices;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// The inputs that models are compared on: the user's samples that were held back from calibration, or inputs that were made up.
/// </summary>
internal sealed class EvaluationSamples : IDisposable
{
    /// <summary>Samples that stay in memory, for steps that are repeated for many candidates.</summary>
    public const int MaxRetained = 16;

    private const int LeastToHoldBack = 4;

    private readonly SampleSet? _samples;
    private readonly List<EncodedSample> _retained;

    private EvaluationSamples(SampleSet? samples, List<EncodedSample> retained)
    {
        _samples = samples;
        _retained = retained;
        if (samples is not null) samples.IsShared = IsSeenByCalibration;
    }

    public SampleSet Given => _samples ?? throw new InvalidOperationException("There are no samples.");

    public bool IsMadeUp => _samples is null;

    /// <summary>How many samples the shortest pass saw that time cut short; null: none was.</summary>
    public int? CutTo => _samples?.CutTo;

    /// <summary>Whether there are too few samples to hold any back.</summary>
    public bool IsSeenByCalibration => !IsMadeUp && _retained.Count < LeastToHoldBack;

    /// <summary>The first samples; none if none could be made up.</summary>
    public IReadOnlyList<EncodedSample> Retained => _retained;

    /// <summary>Copies the first samples.</summary>
    public static async Task<IReadOnlyList<PredictionInputs>> PeekAsync(
        IAsyncEnumerable<PredictionInputs> samples, int maxSamples, CancellationToken cancellationToken)
    {
        var copies = new List<PredictionInputs>();
        await foreach (var sample in samples.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            copies.Add(SampleCopy.Of(in sample));
            if (copies.Count >= Math.Min(MaxRetained, maxSamples)) break;
        }

        return copies.Count > 0 ? copies : throw new QuantizationException(QuantizationFailure.NoCalibrationData,
            "CalibrationSamples yields no sample. "
                + "Give a few dozen that are typical of real inputs, or none at all (null) to quantize without.");
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

    /// <summary>Samples that candidates are compared on while one is looked for.</summary>
    public IAsyncEnumerable<EncodedSample> ToChooseBy(CancellationToken cancellationToken) =>
        _samples is null ? ToAsync(_retained, cancellationToken) : _samples.Selection(cancellationToken);

    /// <summary>Samples that nothing was chosen by, for the last word.</summary>
    public IAsyncEnumerable<EncodedSample> ToJudgeBy(CancellationToken cancellationToken) =>
        _samples is null ? ToAsync(_retained, cancellationToken) : _samples.HeldBack(cancellationToken);

    /// <summary>Those that stay in memory and may be chosen by.</summary>
    public IReadOnlyList<EncodedSample> Kept =>
        IsMadeUp || IsSeenByCalibration ? _retained : [.. _retained.Where(static sample => SampleSet.IsCalibrated(sample.Index))];

    public IAsyncEnumerable<EncodedSample> KeptAsync(CancellationToken cancellationToken) => ToAsync(Kept, cancellationToken);

    private static async IAsyncEnumerable<EncodedSample> ToAsync(
        IReadOnlyList<EncodedSample> samples, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var sample in samples)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return sample;
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    public void Dispose() => _retained.ForEach(static sample => sample.Dispose());
}
