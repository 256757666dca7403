using System.Numerics;

namespace MlServe.Monitoring;

/// <summary>
/// What is counted of one model. The counters lie in stripes, one for each of a few cores, so that cores do not fight over a cache line; whoever
/// reads adds the stripes up.
/// </summary>
internal sealed class ModelStatistics(string model)
{
    public const int Started = 0;
    public const int Outcomes = 1;
    public const int Nanoseconds = Outcomes + PredictionOutcome.Count;
    public const int Timed = Nanoseconds + 1;
    public const int Count = Timed + 1;

    // A cache line of nothing in front of each stripe keeps it off its neighbours' lines, whatever the array's alignment.
    private const int Padding = 64 / sizeof(long);
    private const int Stride = Count + Padding;

    private static readonly int StripeMask = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 16)) - 1;

    private readonly long[] _cells = new long[((StripeMask + 1) * Stride) + Padding];
    private int _users;

    public string Model { get; } = model;

    public KeyValuePair<string, object?> ModelTag { get; } = new(MlServeDiagnostics.ModelTag, model);

    /// <summary>The versions that answered, as tags.</summary>
    public VersionTags Versions { get; } = new();

    public bool IsUsed => Volatile.Read(ref _users) != 0;

    /// <summary>Calls under way. Ends are read first, so that it is never negative.</summary>
    public long Active
    {
        get
        {
            long active = 0;
            for (var outcome = 0; outcome < PredictionOutcome.Count; outcome++)
                active -= this[Outcomes + outcome];
            return active + this[Started];
        }
    }

    public long this[int counter]
    {
        get
        {
            long sum = 0;
            for (var cell = Padding + counter; cell < _cells.Length; cell += Stride)
                sum += Volatile.Read(ref _cells[cell]);
            return sum;
        }
    }

    public void Begin() => Interlocked.Increment(ref _cells[Stripe() + Started]);

    public void End(int outcome) => Interlocked.Increment(ref _cells[Stripe() + Outcomes + outcome]);

    public void AddDuration(long nanoseconds)
    {
        var stripe = Stripe();
        Interlocked.Add(ref _cells[stripe + Nanoseconds], nanoseconds);
        Interlocked.Increment(ref _cells[stripe + Timed]);
    }

    public void AddUser() => Interlocked.Increment(ref _users);

    public void RemoveUser() => Interlocked.Decrement(ref _users);

    /// <summary>Moves what has been counted to other counters.</summary>
    public void MoveTo(long[] counters)
    {
        for (var cell = Padding; cell < _cells.Length; cell += Stride)
        {
            for (var counter = 0; counter < Count; counter++)
                counters[counter] += Interlocked.Exchange(ref _cells[cell + counter], 0);
        }
    }

    private static int Stripe() => Padding + ((Thread.GetCurrentProcessorId() & StripeMask) * Stride);
}
