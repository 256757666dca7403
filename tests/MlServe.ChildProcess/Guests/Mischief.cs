using System.Collections.Concurrent;

namespace MlServe.ChildProcess.Guests;

/// <summary>Counts how often each guest is called, and makes those throw that are to.</summary>
/// <param name="throws">Tells by the name of a call whether it throws this time.</param>
internal sealed class Mischief(Func<string, bool> throws)
{
    private readonly ConcurrentDictionary<string, int> _calls = new(StringComparer.Ordinal);
    private int _thrown;

    public IReadOnlyDictionary<string, int> Calls => _calls;

    public int Thrown => Volatile.Read(ref _thrown);

    public void Call(string name)
    {
        if (TryCall(name) is { } exception) throw exception;
    }

    /// <summary>Whether the call is to fail in another way than by an exception.</summary>
    public bool Fails(string name) => TryCall(name) is not null;

    private GuestException? TryCall(string name)
    {
        _calls.AddOrUpdate(name, 1, static (_, calls) => calls + 1);
        if (!throws(name)) return null;
        return new(Interlocked.Increment(ref _thrown) % 2 == 0);
    }
}
