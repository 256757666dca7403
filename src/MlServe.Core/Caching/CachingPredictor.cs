using System.Runtime.CompilerServices;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;

namespace MlServe.Caching;

/// <summary>Answers equal requests with what was answered before, and computes those that come at once only once.</summary>
internal sealed class CachingPredictor : DelegatingPredictor, IStaleAnswers
{
    private readonly CacheOptions _options;
    private readonly IRequestHasher _hasher;
    private readonly CacheHost _host;
    private readonly SharedStore _shared;
    private readonly CacheVersion _version;
    private readonly SecondLevel? _secondLevel;
    private readonly CacheMetrics _metrics;
    private readonly CacheWorth _worth;
    private readonly FlightTable _flights;
    private readonly TimeProvider _time;
    private readonly ILogger? _logger;
    private int _isDisposed;
    private int _hasWarned;

    public CachingPredictor(
        IPredictor inner, ModelIdentity identity, CacheOptions options, IRequestHasher hasher, CacheHost host, IMemoryCache? memory, HybridCache? hybrid, CacheMetrics metrics,
        ILogger? logger, TimeProvider time)
        : base(inner)
    {
        _options = options;
        _hasher = hasher;
        _host = host;
        _metrics = metrics;
        _logger = logger;
        _time = time;
        _worth = new(time, options.SwitchOffWhenUseless);
        _flights = new(inner.GetService<DefaultTimeout>()?.Time);
        _version = CacheVersion.Of(identity, inner.Signature);
        _secondLevel = hybrid is null ? null : new(hybrid, options, _version, time, Counters, logger);
        _shared = host.Acquire(_version, options, memory);
        metrics.Add(this);
    }

    public string Model => _version.Identity.Name;

    public CacheCounters Counters { get; } = new();

    public CacheStore Store => _shared.Entries;

    public bool IsOn => _worth.IsOn;

    /// <summary>Requests that are being computed.</summary>
    internal int FlightCount => _flights.Count;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, typeof(IPredictor));
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (!_worth.IsOn && !_worth.TryResume()) return Bypass(in inputs, options, cancellationToken);

        var outputs = OutputSelection.Resolve(_version.Signature, options, out var fault);
        var isTimed = _worth.Begin();
        var started = isTimed ? _time.GetTimestamp() : 0;
        if (fault is not null || !_hasher.TryHash(in inputs, outputs, out var key)) return Bypass(in inputs, options, cancellationToken);

        key = key.Of(_version.Key);
        var isHit = TryHit(key, out var answer);
        if (isTimed) Timed(started);
        return isHit ? new(answer) : Miss(key, in inputs, outputs, options, cancellationToken);
    }

    public bool TryGetStaleAnswer(PredictionInputs inputs, PredictionOptions? options, out Prediction answer)
    {
        answer = default;
        if (Volatile.Read(ref _isDisposed) != 0) return false;
        var outputs = OutputSelection.Resolve(_version.Signature, options, out var fault);
        if (fault is not null || !_hasher.TryHash(in inputs, outputs, out var key)) return false;

        foreach (var version in _shared.Versions)
        {
            var isOwn = ReferenceEquals(version, _version);
            if (!isOwn && (!_options.StaleFromOtherVersions || !version.Fits(_version))) continue;
            if (Find(key.Of(version.Key)) is not { } entry) continue;
            Counters.Count(CacheCounters.StaleHits);
            answer = entry.ToPrediction(PredictionSource.StaleCache, AgeOf(entry));
            return true;
        }

        return false;
    }

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(CacheStatistics) ? Statistics() : base.GetService(serviceType, serviceKey);

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0) Release();
        base.Dispose(disposing);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await _flights.WhenEmptyAsync().ConfigureAwait(false);
            Release();
        }

        await base.DisposeAsyncCore().ConfigureAwait(false);
    }

    private void Release()
    {
        _metrics.Remove(this);
        _host.Release(_shared, _version, forget: !_options.StaleFromOtherVersions);
    }

    private ValueTask<Prediction> Bypass(in PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        Counters.Count(CacheCounters.Bypassed);
        return Inner.PredictAsync(inputs, options, cancellationToken);
    }

    private bool TryHit(RequestKey key, out Prediction answer)
    {
        if (Find(key) is { } entry)
        {
            var age = AgeOf(entry);
            if (!(age >= _options.TimeToLive))
            {
                Store.Policy.Touch(entry);
                Counters.Count(CacheCounters.Hits);
                _worth.Served();
                answer = entry.ToPrediction(PredictionSource.Cache, age);
                return true;
            }
        }

        answer = default;
        return false;
    }

    private CacheEntry? Find(RequestKey key)
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

    private TimeSpan AgeOf(CacheEntry entry)
    {
        var age = _time.GetElapsedTime(entry.Created);
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    private ValueTask<Prediction> Miss(
        RequestKey key, in PredictionInputs inputs, OutputSelection outputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        if (_flights.Enter(key, in inputs, outputs, options, _time, cancellationToken, out var flight) is { } follower)
        {
            follower.Watch();
            return new(follower.Task);
        }

        // Whoever computed it before may have ended between the look-up and here.
        if (!TryHit(key, out var answer)) return LeadAsync(flight, inputs, outputs, options, cancellationToken);
        Follow(flight, answer);
        return new(answer);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Prediction> LeadAsync(
        Flight flight, PredictionInputs inputs, OutputSelection outputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        Prediction answer;
        string? sharedKey = null;
        try
        {
            if (_secondLevel is { IsOpen: true } secondLevel && (sharedKey = RequestHasher.SharedKey(_version.Identity, in inputs, outputs)) is not null)
            {
                if (await secondLevel.FindAsync(sharedKey, flight.Key, outputs, cancellationToken).ConfigureAwait(false) is { } found)
                {
                    Counters.Count(CacheCounters.SecondLevelHits);
                    _worth.Served();
                    if (Store.Policy.Admits(found.Hash, found.Weight, isReplacement: false)) Keep(found);
                    answer = found.ToPrediction(PredictionSource.Cache, AgeOf(found));
                    Follow(flight, answer);
                    return answer;
                }
            }

            Counters.Count(CacheCounters.Misses);
            var started = _time.GetTimestamp();
            answer = await Inner.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
            if (answer.IsOk) _worth.RunTook(RunTicks(answer.Origin, _time.GetTimestamp() - started));
        }
        catch
        {
            HandOver(flight);
            throw;
        }

        Settle(flight, answer, sharedKey);
        return answer;
    }

    /// <summary>Keeps an answer, and gives it to those that wait for it.</summary>
    private void Settle(Flight flight, Prediction answer, string? sharedKey)
    {
        if (IsForThisCallerAlone(answer.Status))
        {
            HandOver(flight);
            return;
        }

        if (answer.IsOk && answer.Origin.Source == PredictionSource.Model && Volatile.Read(ref _isDisposed) == 0)
        {
            try
            {
                Keep(flight.Key, answer, sharedKey);
            }
#pragma warning disable CA1031 // The answer is there; that it could not be kept is nobody's fault who waits for it.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Warn(exception);
            }
        }

        Follow(flight, answer);
    }

    private void Keep(RequestKey key, Prediction answer, string? sharedKey)
    {
        var started = _time.GetTimestamp();
        var former = Store.Find(key.Key);
        if (former is not null && former.Key.Check != key.Check) Counters.Count(CacheCounters.Collisions);
        var admitted = Store.Policy.Admits((ulong)key.Key, CacheEntry.WeightOf(answer), isReplacement: former is not null);
        if (!admitted && sharedKey is null) return;
        var entry = CacheEntry.Of(key, _version, answer, started);
        if (admitted) Keep(entry);
        if (sharedKey is not null) _secondLevel!.Keep(sharedKey, entry);
        _worth.KeepTook(_time.GetTimestamp() - started);
    }

    private void Keep(CacheEntry entry)
    {
        try
        {
            Store.Add(entry);
            if (Volatile.Read(ref _isDisposed) != 0) Store.Remove(entry);
        }
#pragma warning disable CA1031 // As in Find.
        catch (Exception exception) when (Store.IsHosts)
#pragma warning restore CA1031
        {
            Warn(exception);
        }
    }

    /// <summary>What the run itself took, a row's share of its batch, where that is known: a caller's wait has queues in it, and the thread pool's other work.</summary>
    private long RunTicks(in PredictionOrigin origin, long waited) => origin.RunTime > TimeSpan.Zero
        ? (long)(origin.RunTime.TotalSeconds * _time.TimestampFrequency / Math.Max(1, origin.BatchRows))
        : waited;

    /// <summary>Answers those that wait with copies of an answer, or with its error.</summary>
    private void Follow(Flight flight, Prediction answer)
    {
        if (_flights.End(flight) is not { } followers) return;
        var source = answer.Origin.Source == PredictionSource.Model ? PredictionSource.Cache : answer.Origin.Source;
        CacheEntry? entry = null;
        foreach (var follower in followers)
        {
            if (!follower.TryClaim()) continue;
            Counters.Count(CacheCounters.Coalesced);
            _worth.Served();
            try
            {
                if (answer.IsOk) entry ??= CacheEntry.Of(flight.Key, _version, answer, _time.GetTimestamp());
                follower.SetResult(entry?.ToPrediction(source, answer.Origin.Age) ?? Prediction.FromError(answer.Error));
            }
#pragma warning disable CA1031 // There is no memory for a copy, say; the others must hear of it all the same.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                follower.SetException(exception);
            }
        }
    }

    /// <summary>Lets one of those that wait compute in place of one that gave up.</summary>
    private void HandOver(Flight flight)
    {
        if (_flights.Promote(flight) is not { } next) return;

        // Not here: this may be the thread of whoever cancels, or of a lane.
        ThreadPool.UnsafeQueueUserWorkItem(
            static state => _ = state.Cache.TakeOverAsync(state.Flight, state.Next), (Cache: this, Flight: flight, Next: next), preferLocal: false);
    }

    private async Task TakeOverAsync(Flight flight, FlightFollower follower)
    {
        try
        {
            follower.SetResult(
                await LeadAsync(flight, follower.Inputs, follower.Outputs, follower.OptionsLeft(), follower.CancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (follower.CancellationToken.IsCancellationRequested)
        {
            follower.SetCanceled(follower.CancellationToken);
        }
        catch (ObjectDisposedException) when (Volatile.Read(ref _isDisposed) != 0)
        {
            follower.SetResult(Prediction.FromError(new(
                PredictionStatus.NotReady, PredictionErrorCode.Draining, "Model '{0}' was closed while the request waited for an equal one.", Model)));
        }
#pragma warning disable CA1031 // Whatever it is, it is this caller's.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            follower.SetException(exception);
        }
    }

    /// <summary>Whether another caller with an equal request may fare better: it has a deadline and a priority of its own, and another moment.</summary>
    private static bool IsForThisCallerAlone(PredictionStatus status) => status is
        PredictionStatus.Overloaded or PredictionStatus.DeadlineExceeded or PredictionStatus.RateLimited or PredictionStatus.Unauthenticated or PredictionStatus.Forbidden;

    private void Timed(long started)
    {
        _worth.LookUpTook(_time.GetTimestamp() - started);
        if (_worth.Judge() is not { } verdict || _logger is null) return;
        if (verdict.Pays)
            LogMessages.CacheOn(_logger, Model, verdict.HitRate, verdict.Saved.TotalMicroseconds, verdict.Cost.TotalMicroseconds);
        else
            LogMessages.CacheOff(_logger, Model, verdict.HitRate, verdict.Saved.TotalMicroseconds, verdict.Cost.TotalMicroseconds, verdict.Pause);
    }

    private void Warn(Exception exception)
    {
        if (_logger is not null && Interlocked.Exchange(ref _hasWarned, 1) == 0) LogMessages.CacheCouldNotKeep(_logger, exception, Model);
    }

    private CacheStatistics Statistics()
    {
        var served = Counters[CacheCounters.Hits] + Counters[CacheCounters.Coalesced] + Counters[CacheCounters.SecondLevelHits];
        var lookedUp = served + Counters[CacheCounters.Misses];
        return new()
        {
            Hits = Counters[CacheCounters.Hits],
            Misses = Counters[CacheCounters.Misses],
            Coalesced = Counters[CacheCounters.Coalesced],
            SecondLevelHits = Counters[CacheCounters.SecondLevelHits],
            Bypassed = Counters[CacheCounters.Bypassed],
            Collisions = Counters[CacheCounters.Collisions],
            Evictions = Store.Policy.Evictions,
            Rejections = Store.Policy.Rejections,
            Entries = Store.Policy.Count,
            Bytes = Store.Policy.Bytes,
            IsOn = IsOn,
            IsFrequencyAware = Store.Policy.IsFrequencyAware,
            TimeSaved = TimeSpan.FromSeconds(((served * _worth.Run) - (lookedUp * _worth.LookUp)) / _time.TimestampFrequency),
        };
    }
}
