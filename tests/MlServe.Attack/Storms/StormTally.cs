using System.Collections.Concurrent;
using System.Globalization;

namespace MlServe.Attack.Storms;

/// <summary>What became of all requests.</summary>
internal sealed class StormTally
{
    private readonly ConcurrentDictionary<string, long> _outcomes = [];
    private readonly ConcurrentDictionary<string, long> _answers = [];
    private readonly ConcurrentQueue<string> _broken = [];
    private long _begun;
    private long _ended;
    private long _brokenCount;

    public long Begun => Interlocked.Read(ref _begun);

    /// <summary>Requests that have not come to an end.</summary>
    public long Open => Begun - Interlocked.Read(ref _ended);

    /// <summary>Answers that were held against the table.</summary>
    public long Answers => _answers.Values.Sum();

    public long Broken => Interlocked.Read(ref _brokenCount);

    public void Begin() => Interlocked.Increment(ref _begun);

    public void End(string outcome)
    {
        Interlocked.Increment(ref _ended);
        _outcomes.AddOrUpdate(outcome, 1, static (_, count) => count + 1);
    }

    public void Answer(string model) => _answers.AddOrUpdate(model, 1, static (_, count) => count + 1);

    public long AnswersOf(string model) => _answers.GetValueOrDefault(model);

    public void Break(string what)
    {
        if (Interlocked.Increment(ref _brokenCount) <= 10) _broken.Enqueue(what);
    }

    public override string ToString() => string.Join(Environment.NewLine, [
        string.Join(
            ", ",
            _outcomes.OrderByDescending(static outcome => outcome.Value)
                .Select(static outcome => string.Create(CultureInfo.InvariantCulture, $"{outcome.Key} {outcome.Value}"))),
        .. _broken.Select(static what => $"BROKEN: {what}")]);
}
