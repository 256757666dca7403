using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace MlServe.ChildProcess.Guests;

/// <summary>Values in memory that can change, and that cannot be read while something is wrong with where they come from.</summary>
internal sealed class ThrowingConfiguration(Mischief mischief, Dictionary<string, string?> values)
    : ConfigurationProvider, IConfigurationSource
{
    /// <summary>Makes the reading of one key throw.</summary>
    public string? Unreadable { get; set; }

    public static ThrowingConfiguration Of(IConfiguration configuration) =>
        ((IConfigurationRoot)configuration).Providers.OfType<ThrowingConfiguration>().Single();

    public IConfigurationProvider Build(IConfigurationBuilder builder)
    {
        foreach (var (key, value) in values)
            Data[key] = value;
        return this;
    }

    public override bool TryGet(string key, out string? value)
    {
        if (Unreadable is { } unreadable && key.StartsWith(unreadable, StringComparison.OrdinalIgnoreCase))
            mischief.Call("host.ReadConfiguration");
        return base.TryGet(key, out value);
    }

    /// <summary>Changes a value and says nothing.</summary>
    public new void Set(string key, string? value) => Data[key] = value;

    /// <summary>Changes values, null: takes them away, and says so.</summary>
    public void Change(params ReadOnlySpan<(string Key, string? Value)> changes)
    {
        foreach (var (key, value) in changes)
        {
            if (value is null) Data.Remove(key);
            else Data[key] = value;
        }

        OnReload();
    }
}
