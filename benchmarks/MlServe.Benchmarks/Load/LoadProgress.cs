using System.Diagnostics;
using System.Globalization;

namespace MlServe.Benchmarks.Load;

/// <summary>Tells once a second how a run goes.</summary>
/// <param name="write">Where to; null: nowhere.</param>
internal sealed class LoadProgress(Action<string>? write) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly long _start = Stopwatch.GetTimestamp();
    private StepRecorder[] _steps = [];
    private (long Offered, long Ok, long Missed)[] _before = [];
    private OutstandingRequests? _outstanding;
    private Timer? _timer;

    /// <summary>A line of its own.</summary>
    public void Say(string text) => write?.Invoke(text);

    /// <summary>Tells of these steps from now on.</summary>
    public void Watch(StepRecorder[] steps, OutstandingRequests outstanding)
    {
        if (write is null) return;
        lock (_lock)
        {
            (_steps, _outstanding) = (steps, outstanding);
            _before = new (long, long, long)[steps.Length];
            _timer ??= new(_ => Tick(), null, 1000, 1000);
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void Tick()
    {
        lock (_lock)
        {
            for (var i = 0; i < _steps.Length; i++)
            {
                var step = _steps[i];
                var (offered, ok, missed) = (step.Total, step.Ok, step.Missed);
                var before = _before[i];
                _before[i] = (offered, ok, missed);
                if (offered == before.Offered && ok == before.Ok) continue;
                write!(string.Create(CultureInfo.InvariantCulture,
                    $"{Stopwatch.GetElapsedTime(_start).TotalSeconds,5:0} s  {step.Name}: {offered - before.Offered:n0} due, "
                    + $"{ok - before.Ok:n0} answered, {missed - before.Missed:n0} missed the bound; {_outstanding!.Count:n0} outstanding"));
            }
        }
    }
}
