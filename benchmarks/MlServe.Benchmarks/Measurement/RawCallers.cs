using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// Callers of the raw runtime without batches: each call is a work item of the thread pool, as a request is in a service, and runs on a
/// session of the thread that takes it. A lone caller calls directly.
/// </summary>
internal sealed class RawCallers(byte[] model, OfflineLimit.Shape shape, int callers, Action<long>? recordSince = null) : IDisposable
{
    private const int RecordOneOf = 8;

    private readonly ThreadLocal<RawSession> _sessions =
        new(() => new(model, shape.Input, [1, .. shape.Row], shape.Output, [1, shape.OutputLength]), trackAllValues: true);

    /// <summary>Makes that many calls, or a few more, from all callers.</summary>
    public void Run(int calls)
    {
        var each = Math.Max(1, calls / callers);
        var tasks = new Task[callers];
        for (var i = 0; i < callers; i++)
            tasks[i] = Task.Run(() => CallAsync(each));
        Task.WaitAll(tasks);
    }

    public void Dispose()
    {
        foreach (var session in _sessions.Values)
            session.Dispose();
        _sessions.Dispose();
    }

    private async Task CallAsync(int calls)
    {
        var row = new float[shape.InputLength];
        var answer = new float[shape.OutputLength];
        for (var i = 0; i < calls; i++)
        {
            var started = recordSince is not null && i % RecordOneOf == 0 ? Stopwatch.GetTimestamp() : 0;
            if (callers > 1) await Task.Yield();
            _sessions.Value!.Run(1, row, answer);
            if (started != 0) recordSince!(started);
        }
    }
}
