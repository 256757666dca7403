using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>
/// Tells different rows from one row that is sent again and again. If it is not known whether a model or a request is to blame, only
/// several rows speak against the model. Bounded; safe for concurrent use.
/// </summary>
internal sealed class FailedRows(TimeSpan window, TimeProvider time)
{
    private const int Capacity = 64;

    private readonly Lock _gate = new();
    private readonly Queue<(int Row, long Until)> _seen = new(Capacity);

    /// <summary>
    /// How many failures a row's failure adds. It is none if the row was seen in the window or is the only one. Else it is two for the
    /// second, and one for each after that.
    /// </summary>
    public int Count(int row)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            while (_seen.TryPeek(out var oldest) && oldest.Until <= now)
                _seen.Dequeue();
            foreach (var (known, _) in _seen)
            {
                if (known == row) return 0;
            }

            if (_seen.Count == Capacity) _seen.Dequeue();
            _seen.Enqueue((row, time.After(window)));
            return Math.Min(_seen.Count, 3) switch { 1 => 0, 2 => 2, _ => 1 };
        }
    }
}
