using MlServe.Statistics;

namespace MlServe.Monitoring;

/// <summary>The counts of one model.</summary>
internal sealed class ModelStatistics(string model)
{
    public const int Started = 0;
    public const int Outcomes = 1;
    public const int Nanoseconds = Outcomes + PredictionOutcome.Count;
    public const int Timed = Nanoseconds + 1;
    public const int Count = Timed + 1;

    private readonly StripedCounters _counts = new(Count);
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

    public long this[int counter] => _counts[counter];

    public void Begin() => _counts.Count(Started);

    public void End(int outcome) => _counts.Count(Outcomes + outcome);

    public void AddDuration(long nanoseconds)
    {
        _counts.Add(Nanoseconds, nanoseconds);
        _counts.Count(Timed);
    }

    public void AddUser() => Interlocked.Increment(ref _users);

    public void RemoveUser() => Interlocked.Decrement(ref _users);

    /// <summary>Moves the counts to other counters.</summary>
    public void MoveTo(long[] counters) => _counts.MoveTo(counters);
}
