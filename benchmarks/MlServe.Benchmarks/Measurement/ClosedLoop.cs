using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// Callers that each ask, wait for the answer, read it, and ask again; one call of eight is recorded by whoever wants to.
/// </summary>
internal sealed class ClosedLoop(IPredictor predictor, string output, int callers, int rowLength, Action<long>? recordSince = null)
{
    // Reading the clock takes about as long as a tenth of the shortest model's run.
    private const int RecordOneOf = 8;

    private readonly float[][] _rows = MakeRows(callers, rowLength);

    /// <summary>Makes that many calls, shared among all callers, or among as many as there are calls.</summary>
    public void Run(int calls)
    {
        var tasks = new Task[Math.Min(callers, calls)];
        for (var i = 0; i < tasks.Length; i++)
        {
            var row = _rows[i];
            var own = (calls / callers) + (i < calls % callers ? 1 : 0);
            tasks[i] = Task.Run(() => CallAsync(row, own));
        }

        Task.WaitAll(tasks);
    }

    private async Task CallAsync(float[] row, int calls)
    {
        var answer = new float[16];
        for (var i = 0; i < calls; i++)
        {
            var started = recordSince is not null && i % RecordOneOf == 0 ? Stopwatch.GetTimestamp() : 0;
            using var prediction = await predictor.PredictAsync(PredictionInputs.Row(row)).ConfigureAwait(false);
            prediction[output].AsSpan<float>().CopyTo(answer);
            if (started != 0) recordSince!(started);
        }
    }

    private static float[][] MakeRows(int count, int length)
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, length).Select(_ => random.NextSingle()).ToArray())];
    }
}
