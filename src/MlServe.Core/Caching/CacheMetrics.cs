using System.Diagnostics.Metrics;
using MlServe.Guests;

namespace MlServe.Caching;

/// <summary>
/// The instruments of one host, which read what caches count.
/// </summary>
internal sealed class CacheMetrics
{
    private readonly Lock _gate = new();
    private readonly List<CacheStage> _caches = [];
    private readonly Dictionary<(string Instrument, string Model), long> _gone = [];

    private CacheMetrics(GuardedMeter meter)
    {
        Counter(
            meter, MlServeDiagnostics.CacheHitsMetric, "{prediction}", "Predictions answered with a kept answer.",
            static cache => cache.Counters[CacheCounters.Hits]);
        Counter(
            meter, MlServeDiagnostics.CacheMissesMetric, "{prediction}", "Predictions that the model was asked for.",
            static cache => cache.Counters[CacheCounters.Misses]);
        Counter(
            meter, MlServeDiagnostics.CacheCoalescedMetric, "{prediction}",
            "Predictions answered with the answer of an equal one under way.", static cache => cache.Counters[CacheCounters.Coalesced]);
        Counter(
            meter, MlServeDiagnostics.CacheStaleHitsMetric, "{prediction}", "Answers past their time given as a last resort.",
            static cache => cache.Counters[CacheCounters.StaleHits]);
        Counter(
            meter, MlServeDiagnostics.CacheBypassedMetric, "{prediction}", "Predictions that went past the cache.",
            static cache => cache.Counters[CacheCounters.Bypassed]);
        Counter(
            meter, MlServeDiagnostics.CacheSecondLevelHitsMetric, "{prediction}", "Predictions answered from the HybridCache.",
            static cache => cache.Counters[CacheCounters.SecondLevelHits]);
        Counter(
            meter, MlServeDiagnostics.CacheSecondLevelFailuresMetric, "{operation}",
            "Uses of the HybridCache that failed or took too long.", static cache => cache.Counters[CacheCounters.SecondLevelFailures]);
        OfStores(
            meter, MlServeDiagnostics.CacheEvictionsMetric, isSum: true, "{entry}", "Kept answers that had to go for others.",
            static policy => policy.Evictions);
        OfStores(
            meter, MlServeDiagnostics.CacheRejectionsMetric, isSum: true, "{entry}", "Answers that were not kept.",
            static policy => policy.Rejections);
        OfStores(
            meter, MlServeDiagnostics.CacheEntriesMetric, isSum: false, "{entry}", "Answers that are kept.", static policy => policy.Count);
        OfStores(
            meter, MlServeDiagnostics.CacheBytesMetric, isSum: false, "By", "Bytes that kept answers take.", static policy => policy.Bytes);
        meter.ObserveUpDownCounter(
            MlServeDiagnostics.CacheActiveMetric, () => Read(static caches => caches.Any(static cache => cache.IsOn) ? 1 : 0),
            "{cache}", "1 where the cache is in use, 0 where it has switched itself off.");
    }

    public static CacheMetrics For(GuardedMeter meter) => HostInstruments.For(meter, static meter => new CacheMetrics(meter));

    public void Add(CacheStage cache)
    {
        lock (_gate) _caches.Add(cache);
    }

    /// <summary>Lets go of a cache. Its counts stay.</summary>
    public void Remove(CacheStage cache)
    {
        lock (_gate)
        {
            if (!_caches.Remove(cache)) return;
            var isLastOfStore = !_caches.Exists(other => ReferenceEquals(other.Store, cache.Store));
            foreach (var (name, read) in _counters)
                Keep(name, cache.Model, read(cache));
            if (!isLastOfStore) return;
            foreach (var (name, read) in _ofStores)
                Keep(name, cache.Model, read(cache.Store.Policy));
        }
    }

    private readonly List<(string Name, Func<CacheStage, long> Read)> _counters = [];
    private readonly List<(string Name, Func<CachePolicy, long> Read)> _ofStores = [];

    private void Counter(GuardedMeter meter, string name, string unit, string description, Func<CacheStage, long> read)
    {
        _counters.Add((name, read));
        meter.ObserveCounter(name, () => Read(caches => caches.Sum(read), name), unit, description);
    }

    private void OfStores(GuardedMeter meter, string name, bool isSum, string unit, string description, Func<CachePolicy, long> read)
    {
        if (isSum) _ofStores.Add((name, read));
        IEnumerable<Measurement<long>> Observe() =>
            Read(caches => caches.Select(static cache => cache.Store.Policy).Distinct().Sum(read), isSum ? name : null);
        if (isSum) meter.ObserveCounter(name, Observe, unit, description);
        else meter.ObserveUpDownCounter(name, Observe, unit, description);
    }

    private void Keep(string instrument, string model, long value) =>
        _gone[(instrument, model)] = _gone.GetValueOrDefault((instrument, model)) + value;

    private List<Measurement<long>> Read(Func<IEnumerable<CacheStage>, long> read, string? total = null)
    {
        lock (_gate)
        {
            var measurements = new List<Measurement<long>>();
            foreach (var model in _caches.GroupBy(static cache => cache.Model, StringComparer.Ordinal))
            {
                var gone = total is null ? 0 : _gone.GetValueOrDefault((total, model.Key));
                measurements.Add(new(read(model) + gone, new KeyValuePair<string, object?>(MlServeDiagnostics.ModelTag, model.Key)));
            }

            return measurements;
        }
    }
}
