namespace MlServe;

/// <summary>
/// The versions of a model as values of a metric's tag. Each goes by its name, or by its name with its digest if another file had the name
/// before. Their number is bounded, since a listener keeps a series for each. A version that was seen before allocates nothing. Safe for
/// concurrent use.
/// </summary>
internal sealed class VersionTags
{
    public const int Max = 16;
    private const int DigestDigits = 12;

    private static readonly KeyValuePair<string, object?> Other = new(MlServeDiagnostics.VersionTag, MlServeDiagnostics.OtherVersions);

    private readonly Lock _lock = new();
    private volatile Known[] _known = [];

    public KeyValuePair<string, object?> TagOf(ModelIdentity version)
    {
        var known = _known;
        foreach (var one in known)
        {
            if (ReferenceEquals(one.Version, version)) return one.Tag;
        }

        return Find(known, version) ?? (known.Length >= Max ? Other : Add(version));
    }

    private static KeyValuePair<string, object?>? Find(Known[] known, ModelIdentity version)
    {
        foreach (var one in known)
        {
            if (one.Version == version) return one.Tag;
        }

        return null;
    }

    private KeyValuePair<string, object?> Add(ModelIdentity version)
    {
        lock (_lock)
        {
            if (Find(_known, version) is { } tag) return tag;
            if (_known.Length >= Max) return Other;
            var isTaken = Array.Exists(_known, one => one.Tag.Value is string name && name == version.Version);
            var added = new Known(version, new(MlServeDiagnostics.VersionTag, isTaken ? NameOf(version) : version.Version));
            _known = [.. _known, added];
            return added.Tag;
        }
    }

    private static string NameOf(ModelIdentity version) => version.Digest.Length == 0
        ? version.Version
        : $"{version.Version}@{version.Digest[..Math.Min(DigestDigits, version.Digest.Length)]}";

    private sealed record Known(ModelIdentity Version, KeyValuePair<string, object?> Tag);
}
