using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Calibration;

/// <summary>Sees the ranges of the channels of values, in memory that does not grow with the samples.</summary>
internal static class ChannelCalibrator
{
    public static async Task<IReadOnlyDictionary<string, TensorRange[]>> RunAsync(
        ModelProto preprocessed, IReadOnlyCollection<string> tensors, SampleSet samples, CancellationToken cancellationToken)
    {
        var ranges = new Dictionary<string, TensorRange[]>(StringComparer.Ordinal);
        if (tensors.Count == 0) return ranges;
        var observers = tensors.Select(static name => new ChannelRangeObserver(name)).ToArray();
        using var activations = ActivationSession.Open(preprocessed, [.. tensors]);
        await foreach (var sample in samples.Calibration(cancellationToken).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            activations.Run(sample, (index, values, shape) => observers[index].Add(values, shape));
        }

        foreach (var observer in observers)
        {
            if (observer.Ranges() is { } found) ranges.Add(observer.Name, found);
        }

        return ranges;
    }
}
