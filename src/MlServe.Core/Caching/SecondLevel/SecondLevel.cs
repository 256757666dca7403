using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Logging;
using MlServe.Guests;
using MlServe.Statistics;
using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>
/// The host's <see cref="HybridCache"/> behind the model's own: each use is bounded in time, and one that fails opens a pause in which it
/// is left alone. It never costs an answer.
/// </summary>
internal sealed class SecondLevel(
    HybridCache cache, CacheOptions options, CacheVersion version, TimeProvider time, StripedCounters counters, ILogger? logger)
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

    private readonly HybridCacheEntryOptions _writeOptions = new()
    {
        Expiration = options.TimeToLive,
        Flags = HybridCacheEntryFlags.DisableLocalCache,
    };
    private long _resumeAt = long.MinValue;
    private int _writes;

    /// <summary>Whether it may be asked: no use has failed lately.</summary>
    public bool IsOpen => time.GetTimestamp() >= Volatile.Read(ref _resumeAt);

    /// <summary>
    /// Looks for what nobody has kept, so that no caller waits for the first connection and the compiler, and is told that it took too
    /// long. What goes wrong is left to the first use that counts.
    /// </summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        var key = $"mlserve:warm-up:{Guid.NewGuid():N}";
        var task = UrgentTask.RunInContext(() =>
            cache.GetOrCreateAsync<byte[]?>(key, static _ => default, ReadOptions, null, CancellationToken.None).AsTask());
        Background.Forget(task);
        await ((Task)UrgentDelay.WaitForAsync(
            task, OpeningLimit, time, cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Looks for an answer, for as long as the options allow, and the caller has.</summary>
    /// <exception cref="OperationCanceledException">The caller has given up.</exception>
    public async Task<CacheEntry?> FindAsync(
        string sharedKey, RequestKey key, OutputSelection outputs, Deadline deadline, CancellationToken cancellationToken)
    {
        var reading = WithinTimeAsync(
            token => cache.GetOrCreateAsync<byte[]?>(sharedKey, static _ => default, ReadOptions, null, token).AsTask(),
            options.HybridCacheTimeout, deadline, cancellationToken);
        await UrgentEnd.Of(reading);
        var bytes = await reading.ConfigureAwait(false);
        if (bytes is null || bytes.Length > options.SizeLimit) return null;
        if (!AnswerFormat.TryRead(bytes, sharedKey, outputs, out var values, out var created)) return null;

        // Another machine's clock may be ahead.
        var age = time.GetUtcNow() - created;
        if (age < TimeSpan.Zero) age = TimeSpan.Zero;
        if (age >= options.TimeToLive) return null;
        return CacheEntry.Of(key, version, values, time.GetTimestamp() - (long)(age.TotalSeconds * time.TimestampFrequency));
    }

    /// <summary>Passes an answer on, without waiting; lets it be where a use has failed lately, or many are on their way.</summary>
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

    /// <summary>The result, or default where it failed or took too long.</summary>
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
            else if (left >= limit) Fail(null, $"it did not answer within {limit}");
            return default;
        }
        finally
        {
            await UrgentEnd.Of(UrgentCancel.CancelAsync(ended));
        }
    }

    /// <summary>Whatever it still says, nobody listens.</summary>
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
