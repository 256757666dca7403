using System.Collections.Frozen;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization.Evaluation;

/// <summary>A few samples of a user in the native runtime's memory, to compare rewritten models with their source.</summary>
internal sealed class CheckSamples : IDisposable
{
    private const int Most = 4;

    private CheckSamples(IReadOnlyList<EncodedSample> values) => Values = values;

    public IReadOnlyList<EncodedSample> Values { get; }

    public static async Task<CheckSamples> ReadAsync(
        OnnxDocument document, IEnumerable<PredictionInputs>? samples, IReadOnlyList<string> constants, CancellationToken cancellationToken)
    {
        if (samples is null) return new([]);
        var first = await EvaluationSamples.PeekAsync(samples.ToAsyncEnumerable(), Most, cancellationToken).ConfigureAwait(false);
        var source = await SourceModel.OpenAsync(
            document, constants.ToFrozenSet(StringComparer.Ordinal), [.. first.Take(2)], threads: 1,
            cancellationToken).ConfigureAwait(false);
        await using (source.ConfigureAwait(false))
        {
            var encoder = source.Encoder();
            var values = new List<EncodedSample>(first.Count);
            try
            {
                for (var i = 0; i < first.Count; i++)
                {
                    var sample = first[i];
                    values.Add(encoder.Encode(i, in sample));
                }
            }
            catch
            {
                values.ForEach(static value => value.Dispose());
                throw;
            }

            return new(values);
        }
    }

    public void Dispose()
    {
        foreach (var sample in Values)
            sample.Dispose();
    }
}
