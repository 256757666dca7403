using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Runtime;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Runs a model and its source over the same samples and sees how their answers agree. Memory does not grow with the samples, but for two
/// numbers a row and the vectors of a thousand.
/// </summary>
internal static class ModelComparison
{
    /// <param name="source">The source.</param>
    /// <param name="model">The rewritten model.</param>
    /// <param name="samples">The inputs that both are given.</param>
    /// <param name="metrics">By what each output is judged.</param>
    /// <param name="cancellationToken">Gives it up between two samples.</param>
    /// <returns>A comparison for each output of the source, and the number of samples.</returns>
    public static async Task<ComparisonResult> RunAsync(
        GraphSession source, GraphSession model, IAsyncEnumerable<EncodedSample> samples, IReadOnlyDictionary<string, ChosenMetric> metrics,
        CancellationToken cancellationToken)
    {
        var names = source.OutputNames;
        if (!names.SequenceEqual(model.OutputNames, StringComparer.Ordinal))
        {
            throw new QuantizationException(QuantizationFailure.InvalidModel,
                $"The rewritten model has the outputs {string.Join(", ", model.OutputNames)}, the source {string.Join(", ", names)}.");
        }

        OutputAccumulator[] outputs = [.. names.Select(name => new OutputAccumulator(name, metrics[name]))];
        var count = 0;
        await foreach (var sample in samples.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Add(outputs, Run(source, sample, isSource: true), Run(model, sample, isSource: false), sample);
            count++;
        }

        return new([.. outputs.Select(static output => output.ToComparison())], count);
    }

    private static void Add(
        OutputAccumulator[] outputs, Dictionary<string, Answer> expected, Dictionary<string, Answer> actual, EncodedSample sample)
    {
        var mask = PaddingMask.Of(sample);
        foreach (var output in outputs)
        {
            var scores = output.Metric.Scores is { } name ? expected.GetValueOrDefault(name) : null;
            output.Add(expected.GetValueOrDefault(output.Name), actual.GetValueOrDefault(output.Name), sample.Rows, mask, scores);
        }
    }

    /// <summary>A sample that the source takes is no fault of the sample.</summary>
    private static Dictionary<string, Answer> Run(GraphSession session, EncodedSample sample, bool isSource)
    {
        try
        {
            // Parts of sequences and maps have names of their own and are not judged here.
            return Answer.Run(session.Session, sample.Values)
                .Where(answer => session.OutputNames.Contains(answer.Name))
                .ToDictionary(static answer => answer.Name, StringComparer.Ordinal);
        }
        catch (OnnxRuntimeException exception)
        {
            throw isSource
                ? new QuantizationException(
                    QuantizationFailure.InvalidSample, $"The model refuses sample {sample.Index}: {exception.Message}", exception)
                : new QuantizationException(
                    QuantizationFailure.InvalidModel,
                    $"The rewritten model fails on an input that the source takes: The model refuses sample {sample.Index}: "
                        + exception.Message,
                    exception);
        }
    }
}
