using Microsoft.Extensions.Logging;
using MlServe.Statistics;

namespace MlServe.Caching;

/// <summary>The answers of one version that are kept in its model's store. Safe for concurrent use.</summary>
internal sealed class CachedAnswers(
    CacheStore store, CacheVersion version, CacheOptions options, SecondLevel? secondLevel, StripedCounters counters, CacheBenefit benefit,
    ILogger? logger, TimeProvider time)
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
                benefit.Served();
                answer = entry.ToPrediction(PredictionSource.Cache, age);
                return true;
            }
        }

        answer = default;
        return false;
    }

    /// <summary>The entry that is kept under a key, however old.</summary>
    public CacheEntry? Find(RequestKey key) => Store.Find(key.Key) is { } entry && entry.Key.Check == key.Check ? entry : null;

    public TimeSpan AgeOf(CacheEntry entry)
    {
        var age = time.GetElapsedTime(entry.Created);
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    /// <summary>Keeps an answer here if it is admitted, and on the second level if it has a key there. Failures are logged.</summary>
    public void Keep(RequestKey key, Prediction answer, string? sharedKey, long copyTicks)
    {
        if (IsClosed) return;
        try
        {
            var started = time.GetTimestamp();
            if (KeepHere(key, answer, started, isForced: sharedKey is not null) is not { } entry) return;
            if (sharedKey is not null) secondLevel!.Keep(sharedKey, entry);
            benefit.KeepTook(time.GetTimestamp() - started + copyTicks);
        }
#pragma warning disable CA1031 // The answer is there; that it could not be kept is nobody's fault who waits for it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Warn(exception);
        }
    }

    /// <summary>Keeps an answer that was found on the second level, if it is admitted.</summary>
    public void Keep(CacheEntry entry)
    {
        lock (Store.GateOf(entry.Key.Key))
        {
            var former = Store.Find(entry.Key.Key);
            if (Store.Policy.Admits(entry.Hash, entry.Weight, isReplacement: former is not null)) Add(entry, former);
        }
    }

    /// <summary>Keeps an answer, if it is admitted.</summary>
    /// <returns>The entry that is kept, or was to be kept; null if it was not admitted and need not be made.</returns>
    private CacheEntry? KeepHere(RequestKey key, Prediction answer, long now, bool isForced)
    {
        lock (Store.GateOf(key.Key))
        {
            var former = Store.Find(key.Key);
            if (former is not null && former.Key.Check != key.Check) counters.Count(CacheCounters.Collisions);
            var isAdmitted = Store.Policy.Admits((ulong)key.Key, CacheEntry.WeightOf(answer), isReplacement: former is not null);
            if (!isAdmitted && !isForced) return null;
            var entry = CacheEntry.Of(key, version, answer, now);
            if (isAdmitted) Add(entry, former);
            return entry;
        }
    }

    private void Add(CacheEntry entry, CacheEntry? former)
    {
        Store.Add(entry, former);
        if (IsClosed) Store.Remove(entry);
    }

    private void Warn(Exception exception)
    {
        if (logger is not null && Interlocked.Exchange(ref _hasWarned, 1) == 0)
            LogMessages.CacheCouldNotKeep(logger, exception, version.Identity.Name);
    }
}
