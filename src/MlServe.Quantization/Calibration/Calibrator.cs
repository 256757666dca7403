using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Calibration;

/// <summary>Runs a model over samples and sees between which values its activations lie.</summary>
internal static class Calibrator
{
    public static Task<CalibrationResult> RunAsync(
        ModelProto preprocessed, IReadOnlyCollection<string> tensors, SampleSet samples, CalibrationSettings settings, CancellationToken cancellationToken) =>
        throw new NotImplementedException();
}
