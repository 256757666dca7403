using System.Collections.Frozen;
using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Random inputs for callers that ask for them by name.</summary>
internal static class RandomSamples
{
    /// <exception cref="QuantizationException">The model refuses all inputs that were made up.</exception>
    public static async Task<IReadOnlyList<PredictionInputs>> ForAsync(
        string model, int count, int seed, CancellationToken cancellationToken)
    {
        var document = await OnnxDocument.ReadAsync(ModelSource.FromFile(model), cancellationToken).ConfigureAwait(false);
        var opened = await SourceModel.OpenAsync(
            document, FrozenSet<string>.Empty, [], threads: 1, cancellationToken).ConfigureAwait(false);
        await using (opened.ConfigureAwait(false))
        {
            var samples = SyntheticSamples.For(opened.Signature, opened.Session, cancellationToken, count, seed);
            return samples.Count > 0 ? samples : throw new QuantizationException(QuantizationFailure.InvalidSample,
                $"'{document.Origin}' refuses all random inputs that were made up for it ({opened.Signature}). Give real samples.");
        }
    }
}
