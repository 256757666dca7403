using System.Runtime.InteropServices;

namespace MlServe.Batching;

/// <summary>
/// The requests, or parts of them, that a batcher has let in and not answered. Knows when the last one of a batcher that closes has been
/// answered.
/// </summary>
internal sealed class InFlight
{
    private Action? _whenEmpty;
    private PaddedCount _count;

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count.Value);

    /// <summary>Whether no more are let in.</summary>
    public bool IsDraining => Volatile.Read(ref _whenEmpty) is not null;

    /// <summary>Counts a request. Ask <see cref="IsDraining"/> afterwards: a request that is counted is waited for.</summary>
    /// <returns>The requests that are not answered, this one among them.</returns>
    public int Enter() => Interlocked.Increment(ref _count.Value);

    /// <summary>Counts further parts of a request that was counted as one.</summary>
    public void AddParts(int parts) => Interlocked.Add(ref _count.Value, parts);

    /// <summary>Called once for each request, or part of one, when it is answered, or for many at once.</summary>
    public void Answered(int requests = 1)
    {
        if (Interlocked.Add(ref _count.Value, -requests) == 0) Volatile.Read(ref _whenEmpty)?.Invoke();
    }

    /// <summary>Lets no more in.</summary>
    /// <param name="whenEmpty">Called each time when there are none left, perhaps at once by several threads; not called now.</param>
    /// <returns>Whether this is the first time.</returns>
    public bool TryDrain(Action whenEmpty) => Interlocked.CompareExchange(ref _whenEmpty, whenEmpty, null) is null;

    /// <summary>Written by callers on all cores: apart from what they only read.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct PaddedCount
    {
        [FieldOffset(128)]
        public int Value;
    }
}
