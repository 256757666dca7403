using MlServe.Onnx;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Makes up inputs for a model that comes without samples: enough to measure speed and noise, not what the answers mean.</summary>
internal static class SyntheticSamples
{
    private const int Count = 8;
    private const int Seed = 20261124;

    /// <returns>Rows that the model takes, always the same; none if it refuses all that was tried.</returns>
    public static IReadOnlyList<PredictionInputs> For(
        ModelSignature signature, GraphSession session, CancellationToken cancellationToken, int count = Count, int seed = Seed)
    {
        var encoder = new SampleEncoder(signature);
        foreach (var (freeSize, maxInteger) in (ReadOnlySpan<(int, int)>)[(32, 8), (8, 8), (8, 2), (1, 8), (64, 8), (224, 8)])
        {
            cancellationToken.ThrowIfCancellationRequested();
            var maker = new SampleRows(signature, seed);
            var rows = new List<PredictionInputs>(count);
            for (var i = 0; i < count && maker.Next(freeSize, maxInteger) is { } row; i++)
                rows.Add(row);
            if (rows.Count == count && IsTaken(encoder, session, rows[0])) return rows;
        }

        return [];
    }

    private static bool IsTaken(SampleEncoder encoder, GraphSession session, in PredictionInputs row)
    {
        try
        {
            using var sample = encoder.Encode(0, in row);
            using var outputs = session.Run(sample, session.OutputNames);
            return true;
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.InvalidSample)
        {
            return false;
        }
    }
}
