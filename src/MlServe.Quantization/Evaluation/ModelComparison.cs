using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Runs a model and its source over the same samples and sees how their answers agree. Memory does not grow with the samples.</summary>
internal static class ModelComparison
{
    /// <returns>A comparison for each output of the source, and the number of samples.</returns>
    public static async Task<ComparisonResult> RunAsync(
        GraphSession source, GraphSession model, IAsyncEnumerable<EncodedSample> samples, CancellationToken cancellationToken)
    {
        var names = source.OutputNames;
        if (!names.SequenceEqual(model.OutputNames, StringComparer.Ordinal))
        {
            throw new QuantizationException(QuantizationFailure.InvalidModel,
                $"The rewritten model has the outputs {string.Join(", ", model.OutputNames)}, the source {string.Join(", ", names)}.");
        }

        OutputAccumulator[] outputs = [.. names.Select(static name => new OutputAccumulator(name))];
        var count = 0;
        await foreach (var sample in samples.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var expected = source.Run(sample, names);
            using var actual = Run(model, sample, names);
            for (var i = 0; i < outputs.Length; i++)
                outputs[i].Add(expected[i], actual[i]);
            count++;
        }

        return new([.. outputs.Select(static output => output.ToComparison())], count);
    }

    /// <summary>A sample that the source takes is no fault of the sample.</summary>
    private static IDisposableReadOnlyCollection<OrtValue> Run(GraphSession model, EncodedSample sample, IReadOnlyCollection<string> names)
    {
        try
        {
            return model.Run(sample, names);
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.InvalidSample)
        {
            throw new QuantizationException(QuantizationFailure.InvalidModel, $"The rewritten model fails where the source does not: {exception.Message}", exception);
        }
    }
}
