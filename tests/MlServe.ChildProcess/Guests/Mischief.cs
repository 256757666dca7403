using System.Collections.Concurrent;

namespace MlServe.ChildProcess.Guests;

/// <summary>Counts how often each guest is called, and makes those throw that are to.</summary>
/// <param name="throws">Tells by the name of a call, and how often it was made, whether it throws this time.</param>
internal sealed class Mischief(Func<string, int, bool> throws)
{
    private readonly ConcurrentDictionary<string, int> _calls = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _throwers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Name, string Tenant), int> _tenants = new();
    private int _thrown;

    /// <summary>Whose request it is, as an application keeps it; in work that is nobody's request it is null.</summary>
    public static AsyncLocal<string?> Tenant { get; } = new();

    /// <summary>The calls that saw a tenant, and which.</summary>
    public IEnumerable<(string Name, string Tenant)> Tenants => _tenants.Keys;

    public IEnumerable<string> Calls => _calls.Keys;

    public IEnumerable<string> Throwers => _throwers.Keys;

    public int Thrown => Volatile.Read(ref _thrown);

    public void Call(string name)
    {
        if (TryCall(name) is { } exception) throw exception;
    }

    /// <summary>Whether the call is to fail in another way than by an exception.</summary>
    public bool Fails(string name) => TryCall(name) is not null;

    private GuestException? TryCall(string name)
    {
        if (Tenant.Value is { } tenant) _tenants.TryAdd((name, tenant), 0);
        var call = _calls.AddOrUpdate(name, 1, static (_, calls) => calls + 1);
        if (!throws(name, call)) return null;
        _throwers.TryAdd(name, 0);
        return new(Interlocked.Increment(ref _thrown) % 2 == 0);
    }
}
