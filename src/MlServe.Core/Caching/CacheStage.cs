using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Logging;
using MlServe.Statistics;
using MlServe.Tensors;

namespace MlServe.Caching;

/// <summary>Answers equal requests with earlier answers, and computes those that come at once only once.</summary>
internal sealed class CacheStage : PredictionStage, IStaleAnswers
{
    private readonly CacheOptions _options;
    private readonly IRequestHasher _hasher;
    private readonly CacheHost _host;
    private readonly SharedStore _shared;
    private readonly CacheVersion _version;
    private readonly CacheMetrics _metrics;
    private readonly CacheBenefit _benefit;
    private readonly CachedAnswers _kept;
    private readonly SingleFlight _flights;
    private readonly SecondLevel? _secondLevel;
    private readonly TimeProvider _time;
    private readonly ILogger? _logger;
    private readonly ModelEvents? _events;
    private readonly AnswerTrust? _trust;
    private readonly bool _trusts;

    public CacheStage(
        IPredictor inner, ModelIdentity identity, CacheOptions options, IRequestHasher hasher, CacheHost host, HybridCache? hybrid,
        CacheMetrics metrics, ILogger? logger, TimeProvider time, ModelEvents? events)
    {
        _options = options;
        _hasher = hasher;
        _host = host;
        _metrics = metrics;
        _logger = logger;
        _events = events;
        _time = time;
        _trusts = inner.Signature.AnswersAreRepeatable || options.AcceptVaryingAnswersOf == identity.Name;
        _trust = inner.GetService<AnswerTrust>();
        _benefit = new(time, options.SwitchOffWhenUseless);
        _version = CacheVersion.Of(identity, inner.Signature);
        _secondLevel = hybrid is null ? null : new(hybrid, options, _version, time, Counters, logger);
        _shared = host.Acquire(_version, options);
        _kept = new(_shared.Entries, _version, options, _secondLevel, Counters, _benefit, logger, time);
        _flights = new(inner.GetService<DefaultTimeout>()?.Time, hasher, _kept, _version, _secondLevel, Counters, _benefit, time);
        metrics.Add(this);
    }

    public string Model => _version.Identity.Name;

    public StripedCounters Counters { get; } = CacheCounters.Create();

    public CacheStore Store => _shared.Entries;

    public bool IsOn => _benefit.IsOn && IsTrusted;

    /// <summary>Whether equal requests have equal answers, as far as is known.</summary>
    private bool IsTrusted => _trusts && _trust is not { IsLost: true };

    public override StageOutcome Before(ref StageCall call)
    {
        ObjectDisposedException.ThrowIf(_kept.IsClosed, typeof(IPredictor));
        if (call.CancellationToken.IsCancellationRequested) return call.Wait(ValueTask.FromCanceled<Prediction>(call.CancellationToken));
        if (!IsTrusted || (!_benefit.IsOn && !_benefit.TryResume())) return Bypass();

        // What is computed for a key is a copy of the request.
        if (OwnedInputs.BytesOf(in call.Inputs) > OwnedInputs.MaxBytes) return Bypass();
        try
        {
            return LookUp(ref call, OwnedInputs.AreNeeded(in call.Inputs) ? OwnedInputs.Copy(in call.Inputs) : null);
        }
        catch (UnreadableInputException exception)
        {
            call.Answer = Prediction.FromError(OwnedInputs.Unreadable(exception).Of(_version.Identity));
            return StageOutcome.Answered;
        }
        catch
        {
            // The stage is not entered by a call that ends here, and so not left by it.
            TakeState(ref call)?.Leave(ref call);
            throw;
        }
    }

    public override StageOutcome Resume(ref StageCall call) =>
        StateOf(ref call) is CacheCall state ? _flights.Resume(ref call, state) : StageOutcome.Answered;

    public override StageOutcome After(ref StageCall call)
    {
        if (TakeState(ref call) is not { } state) return StageOutcome.Next;
        try
        {
            _flights.End(in call.Answer, state);
        }
        finally
        {
            state.Leave(ref call);
        }

        return StageOutcome.Next;
    }

    public override bool Failed(ref StageCall call, Exception exception)
    {
        if (TakeState(ref call) is not { } state) return false;
        var answer = _flights.Fail(state, exception);
        state.Leave(ref call);
        if (answer is null) return false;
        call.Answer = Prediction.FromError(answer);
        return true;
    }

    public bool TryGetStaleAnswer(PredictionInputs inputs, PredictionOptions? options, out Prediction answer)
    {
        answer = default;
        if (_kept.IsClosed || !IsTrusted) return false;
        var outputs = OutputSelection.Resolve(_version.Signature, options, out var fault);
        if (fault is not null || !_hasher.TryHash(in inputs, outputs, out var key)) return false;

        foreach (var version in _shared.Versions)
        {
            var isOwn = ReferenceEquals(version, _version);
            if (!isOwn && (!_options.StaleFromOtherVersions || !version.Fits(_version))) continue;
            if (_kept.Find(key.Of(version.Key)) is not { } entry) continue;
            Counters.Count(CacheCounters.StaleHits);
            answer = entry.ToPrediction(PredictionSource.StaleCache, _kept.AgeOf(entry));
            return true;
        }

        return false;
    }

    public override object? GetService(Type serviceType)
    {
        if (serviceType == typeof(CacheStatistics)) return Statistics();
        return serviceType == typeof(SecondLevel) ? _secondLevel : base.GetService(serviceType);
    }

    public override void Dispose()
    {
        if (_kept.Close()) Release();
        base.Dispose();
    }

    public override async ValueTask DisposeAsync()
    {
        if (_kept.Close())
        {
            await _flights.WhenEmptyAsync().ConfigureAwait(false);
            Release();
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    private void Release()
    {
        _metrics.Remove(this);
        _host.Release(_shared, _version, forget: !_options.StaleFromOtherVersions);
    }

    private StageOutcome LookUp(ref StageCall call, OwnedInputs? own)
    {
        var outputs = OutputSelection.Resolve(_version.Signature, call.Options, out var fault);
        var isTimed = _benefit.Begin();
        var started = isTimed ? call.Now : 0;
        ref readonly var inputs = ref call.Inputs;
        if (own is not null) CacheCall.Enter(ref call, ref StateOf(ref call)).Take(ref call, own);
        if (fault is not null || !_hasher.TryHash(in inputs, outputs, out var key)) return Bypass();

        key = key.Of(_version.Key);
        var ended = _flights.EndedOf(key);
        var isHit = _kept.TryHit(key, out var answer);
        if (isTimed) Timed(started);
        if (isHit)
        {
            call.Answer = answer;
            return StageOutcome.Answered;
        }

        return _flights.Enter(
            ref call, (CacheCall?)StateOf(ref call) ?? CacheCall.Enter(ref call, ref StateOf(ref call)), key, ended, outputs);
    }

    private CacheCall? TakeState(ref StageCall call)
    {
        ref var state = ref StateOf(ref call);
        var taken = (CacheCall?)state;
        state = null;
        return taken;
    }

    private StageOutcome Bypass()
    {
        Counters.Count(CacheCounters.Bypassed);
        return StageOutcome.Next;
    }

    private void Timed(long started)
    {
        _benefit.LookUpTook(_time.GetTimestamp() - started);
        if (_benefit.Judge() is not { } verdict) return;
        _events?.Publish(new CacheSwitched(Model, _version.Identity, verdict.Pays, verdict.HitRate, _time.GetUtcNow()));
        if (_logger is null) return;
        if (verdict.Pays)
            LogMessages.CacheOn(_logger, Model, verdict.HitRate, verdict.Saved.TotalMicroseconds, verdict.Cost.TotalMicroseconds);
        else
            LogMessages.CacheOff(
                _logger, Model, verdict.HitRate, verdict.Saved.TotalMicroseconds, verdict.Cost.TotalMicroseconds, verdict.Pause);
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
            TimeSaved = TimeSpan.FromSeconds(((served * _benefit.Run) - (lookedUp * _benefit.LookUp)) / _time.TimestampFrequency),
        };
    }
}
