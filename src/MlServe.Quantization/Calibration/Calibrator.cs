using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Calibration;

/// <summary>
/// Runs a model over samples and sees between which values its activations lie. One sample's activations are in memory at a time. Of
/// earlier samples only the record of the method is kept: two numbers, or a histogram.
/// </summary>
internal static class Calibrator
{
    public static async Task<CalibrationResult> RunAsync(
        ModelProto preprocessed, IReadOnlyCollection<string> tensors, SampleSet samples, CalibrationSettings settings,
        CancellationToken cancellationToken)
    {
        string[] names = [.. tensors];
        var observers = names.Select(name => RangeObserver.Create(name, settings)).ToArray();
        using var activations = ActivationSession.Open(preprocessed, names);
        var count = 0;
        await foreach (var sample in samples.Calibration(cancellationToken).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            activations.Run(sample, (index, values, _) => observers[index].Observe(values, sample.Index));
            count++;
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (count == 0)
            throw new QuantizationException(
                QuantizationFailure.NoCalibrationData,
                "There is no calibration sample. Static quantization needs a few dozen that are typical of real inputs.");
        return new(
            observers.ToDictionary(static observer => observer.Name, static observer => observer.Range(), StringComparer.Ordinal), count);
    }
}
