using Microsoft.Extensions.Logging;
using MlServe.Guests;
using MlServe.Statistics;

namespace MlServe.Caching;

/// <summary>The answers of one version that are kept in its model's store. Safe for concurrent use.</summary>
internal sealed class KeptAnswers(
    CacheStore store, CacheVersion version, CacheOptions options, SecondLevel? secondLevel, StripedCounters counters, CacheWorth worth, ILogger? logger, TimeProvider time)
{
    private int _isClosed;
    private int _hasWarned;

    public CacheStore Store => store;

    public bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    /// <summary>Keeps nothing from now on; true the first time.</summary>
    public bool Close() => Interlocked.Exchange(ref _isClosed, 1) == 0;

    /// <summary>An answer that may still be given.</summary>
    public bool TryHit(RequestKey key, out Prediction answer)
    {
        if (Find(key) is { } entry)
        {
            var age = AgeOf(entry);
            if (!(age >= options.TimeToLive))
            {
                Store.Policy.Touch(entry);
                counters.Count(CacheCounters.Hits);
                worth.Served();
                answer = entry.ToPrediction(PredictionSource.Cache, age);
                return true;
            }
        }

        answer = default;
        return false;
    }

    /// <summary>What is kept under a key, however old.</summary>
    public CacheEntry? Find(RequestKey key)
    {
        CacheEntry? entry;
        try
        {
            entry = Store.Find(key.Key);
        }
#pragma warning disable CA1031 // A host's cache that throws (it was disposed, say) must not cost an answer.
        catch (Exception exception) when (Store.IsHosts)
#pragma warning restore CA1031
        {
            Warn(exception);
            return null;
        }

        return entry?.Key.Check == key.Check ? entry : null;
    }

    public TimeSpan AgeOf(CacheEntry entry)
    {
        var age = time.GetElapsedTime(entry.Created);
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    /// <summary>Keeps an answer here, where it is admitted, and on the second level, where it has a key there. What goes wrong is logged.</summary>
    public void Keep(RequestKey key, Prediction answer, string? sharedKey, long copyTicks)
    {
        if (IsClosed) return;
        try
        {
            var started = time.GetTimestamp();
            var former = Store.Find(key.Key);
            if (former is not null && former.Key.Check != key.Check) counters.Count(CacheCounters.Collisions);
            var admitted = Store.Policy.Admits((ulong)key.Key, CacheEntry.WeightOf(answer), isReplacement: former is not null);
            if (!admitted && sharedKey is null) return;
            var entry = CacheEntry.Of(key, version, answer, started);
            if (admitted) Keep(entry);
            if (sharedKey is not null) secondLevel!.Keep(sharedKey, entry);
            worth.KeepTook(time.GetTimestamp() - started + copyTicks);
        }
#pragma warning disable CA1031 // The answer is there; that it could not be kept is nobody's fault who waits for it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Warn(exception);
        }
    }

    /// <summary>Keeps an answer.</summary>
    public void Keep(CacheEntry entry)
    {
        try
        {
            Store.Add(entry);
            if (IsClosed) Store.Remove(entry);
        }
#pragma warning disable CA1031 // As in Find.
        catch (Exception exception) when (Store.IsHosts)
#pragma warning restore CA1031
        {
            Warn(exception);
        }
    }

    private void Warn(Exception exception)
    {
        if (Store.IsHosts) GuestFaults.Count(Guest.MemoryCache);
        if (logger is not null && Interlocked.Exchange(ref _hasWarned, 1) == 0) LogMessages.CacheCouldNotKeep(logger, exception, version.Identity.Name);
    }
}
