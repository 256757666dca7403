using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Logging;
using MlServe.Guests;
using MlServe.Statistics;
using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>
/// The host's <see cref="HybridCache"/> behind the model's own. Each use is bounded in time, and one that fails opens a pause in which it
/// is not used. It never costs an answer.
/// </summary>
internal sealed class SecondLevel(
    HybridCache cache, CacheOptions options, CacheVersion version, TimeProvider time, StripedCounters counters, ILogger? logger)
    : IOpensAhead
{
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private const int MaxWritesUnderWay = 64;

    /// <summary>How long opening is waited for at most; it goes on behind that.</summary>
    private static readonly TimeSpan OpeningLimit = TimeSpan.FromSeconds(1);

    /// <summary>Nobody waits for a write: it may connect and compile first.</summary>
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(1);

    // The entries are kept in the model's own cache already, ready to be shown; here they would be unpacked at each hit.
    private static readonly HybridCacheEntryOptions ReadOptions = new()
    {
        Flags = HybridCacheEntryFlags.DisableLocalCache | HybridCacheEntryFlags.DisableUnderlyingData
            | HybridCacheEntryFlags.DisableDistributedCacheWrite,
    };

    /// <summary>Without a time, a HybridCache takes one of its own, which is five minutes; and a store takes none without an end.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(3650);

    private static readonly HybridCacheEntryOptions TrialOptions = new()
    {
        Expiration = TimeSpan.FromMinutes(1),
        Flags = HybridCacheEntryFlags.DisableLocalCache,
    };

    private readonly HybridCacheEntryOptions _writeOptions = new()
    {
        Expiration = options.TimeToLive is { } given && given < Longest ? given : Longest,
        Flags = HybridCacheEntryFlags.DisableLocalCache,
    };
    private bool _hasAnswered;
    private long _resumeAt = long.MinValue;
    private int _writes;

    /// <summary>Whether it may be asked: no use has failed lately.</summary>
    public bool IsOpen => time.GetTimestamp() >= Volatile.Read(ref _resumeAt);

    /// <summary>
    /// Keeps a value, finds it and takes it away, so that no caller waits for the first connection and the compiler. A first hit goes
    /// through other code than a miss. A failure here is left to the first use that counts.
    /// </summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        var key = $"mlserve:warm-up:{Guid.NewGuid():N}";
        var task = UrgentTask.RunInContext(() => TryAsync(key));
        Background.Forget(task);
        await ((Task)UrgentDelay.WaitForAsync(
            task, OpeningLimit, time, cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<bool> TryAsync(string key)
    {
        _ = await ReadAsync(key, CancellationToken.None).ConfigureAwait(false);
        await cache.SetAsync(key, Guid.NewGuid().ToByteArray(), TrialOptions, null, CancellationToken.None).ConfigureAwait(false);
        var found = await ReadAsync(key, CancellationToken.None).ConfigureAwait(false);
        await cache.RemoveAsync(key, CancellationToken.None).ConfigureAwait(false);
        return found is not null;
    }

    private Task<byte[]?> ReadAsync(string key, CancellationToken cancellationToken) =>
        cache.GetOrCreateAsync<byte[]?>(key, static _ => default, ReadOptions, null, cancellationToken).AsTask();

    /// <summary>Looks for an answer, for as long as the options allow, and the caller has.</summary>
    /// <exception cref="OperationCanceledException">The caller has given up.</exception>
    public async Task<CacheEntry?> FindAsync(
        string sharedKey, RequestKey key, OutputSelection outputs, Deadline deadline, CancellationToken cancellationToken)
    {
        var reading = WithinTimeAsync(
            token => ReadAsync(sharedKey, Volatile.Read(ref _hasAnswered) ? token : CancellationToken.None), options.HybridCacheTimeout,
            deadline, cancellationToken);
        await UrgentEnd.Of(reading);
        var bytes = await reading.ConfigureAwait(false);
        if (bytes is null || bytes.Length > options.SizeLimit) return null;
        Volatile.Write(ref _hasAnswered, true);
        if (!AnswerFormat.TryRead(bytes, sharedKey, outputs, out var values, out var created)) return null;

        // Another machine's clock may be ahead.
        var age = time.GetUtcNow() - created;
        if (age < TimeSpan.Zero) age = TimeSpan.Zero;
        if (age >= options.TimeToLive) return null;
        return CacheEntry.Of(key, version, values, time.GetTimestamp() - (long)(age.TotalSeconds * time.TimestampFrequency));
    }

    /// <summary>Passes an answer on, without waiting; drops it if a use has failed lately, or many are on their way.</summary>
    public void Keep(string sharedKey, CacheEntry entry)
    {
        if (!IsOpen) return;
        if (Interlocked.Increment(ref _writes) > MaxWritesUnderWay)
        {
            Interlocked.Decrement(ref _writes);
            return;
        }

        // For the good of others: it is no longer a part of its caller's request.
        using var noContext = Background.SuppressFlow();
        Background.Forget(KeepAsync(sharedKey, entry));
    }

    private async Task KeepAsync(string sharedKey, CacheEntry entry)
    {
        var created = time.GetUtcNow();
        try
        {
            await WithinTimeAsync<object?>(
                async token =>
                {
                    await cache.SetAsync(
                        sharedKey, AnswerFormat.Write(sharedKey, entry.Outputs, created), _writeOptions, null, token).ConfigureAwait(false);
                    return null;
                },
                options.HybridCacheTimeout > WriteLimit ? options.HybridCacheTimeout : WriteLimit, Deadline.Never,
                CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _writes);
        }
    }

    /// <summary>The result, or default if it failed or took too long.</summary>
    private async Task<T?> WithinTimeAsync<T>(
        Func<CancellationToken, Task<T>> use, TimeSpan limit, Deadline deadline, CancellationToken cancellationToken)
    {
        var left = deadline.Left;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            // On another thread, because whoever implements it may block before there is a task; one may come free only when nobody waits
            // any more. In the context of whoever waits: a look-up is a part of that request.
            var token = ended.Token;
            var task = UrgentTask.RunInContext(() => use(token));
            await UrgentEnd.Of(UrgentDelay.WaitForAsync(task, left < limit ? left : limit, time, cancellationToken));
            if (task.IsCompletedSuccessfully) return await task.ConfigureAwait(false);

            Background.Forget(task);
            cancellationToken.ThrowIfCancellationRequested();
            if (task.IsCompleted) Fail(task.Exception?.GetBaseException(), "it failed");

            // A caller that has less time than that blames nobody.
            else if (left >= limit) FailLate(task, limit);
            return default;
        }
        finally
        {
            await UrgentEnd.Of(UrgentCancel.CancelAsync(ended));
        }
    }

    /// <summary>The first hit may wait for the compiler: if it comes after all, the pause that began with it is over.</summary>
    private void FailLate(Task task, TimeSpan limit)
    {
        Fail(null, $"it did not answer within {limit}");
        if (!Volatile.Read(ref _hasAnswered)) Background.Forget(ResumeAfterAsync(task));
    }

    private async Task ResumeAfterAsync(Task task)
    {
        await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!task.IsCompletedSuccessfully) return;
        Volatile.Write(ref _hasAnswered, true);
        Volatile.Write(ref _resumeAt, long.MinValue);
    }

    /// <summary>Nobody listens to its later failures.</summary>
    private void Fail(Exception? exception, string reason)
    {
        counters.Count(CacheCounters.SecondLevelFailures);
        var now = time.GetTimestamp();
        var last = Volatile.Read(ref _resumeAt);
        if (now < last) return;
        if (Interlocked.CompareExchange(ref _resumeAt, now + (long)(Pause.TotalSeconds * time.TimestampFrequency), last) != last) return;
        if (logger is not null) LogMessages.SecondLevelPaused(logger, exception, version.Identity.Name, Pause, reason);
    }
}
