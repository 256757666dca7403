using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace MlServe.Attack.House;

/// <summary>The books of one house: what its callers saw, and what its meters say.</summary>
internal sealed class HouseLedger : IDisposable
{
    public const string Ok = "ok";

    private readonly ConcurrentDictionary<(string Model, string Outcome, string Version), long> _seen = [];
    private readonly ConcurrentDictionary<(string Model, string Outcome, string Version), long> _told = [];
    private readonly ConcurrentDictionary<string, double> _gauges = [];
    private readonly ConcurrentQueue<string> _broken = [];
    private readonly MeterListener _listener = new();
    private readonly bool _isThrowing;
    private long _begun;
    private long _functions;
    private long _brokenCount;
    private long _thrown;

    /// <param name="meters">The host's; those of other hosts are not listened to.</param>
    /// <param name="isThrowing">Whether the listener throws after it has counted, now and then.</param>
    public HouseLedger(Func<IMeterFactory> meters, bool isThrowing)
    {
        _isThrowing = isThrowing;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == MlServeDiagnostics.MeterName && ReferenceEquals(instrument.Meter.Scope, meters()))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>(OnMeasured);
        _listener.SetMeasurementEventCallback<long>(OnMeasured);
        _listener.SetMeasurementEventCallback<int>(OnMeasured);
    }

    /// <summary>Set when the host is there.</summary>
    public IPredictor StandIn { get; set; } = null!;

    public long Begun => Interlocked.Read(ref _begun);

    public long Ended => _seen.Values.Sum();

    public long Functions => Interlocked.Read(ref _functions);

    public long Broken => Interlocked.Read(ref _brokenCount);

    public IEnumerable<string> Faults => _broken;

    public void Listen() => _listener.Start();

    public void Begin() => Interlocked.Increment(ref _begun);

    public void CallFunction() => Interlocked.Increment(ref _functions);

    public void End(string outcome, string version) => Add(_seen, ("m", outcome, version));

    public long SeenOf(params string[] outcomes) =>
        _seen.Where(entry => outcomes.Contains(entry.Key.Outcome)).Sum(static entry => entry.Value);

    public double Gauge(string instrument) =>
        _gauges.Where(entry => entry.Key == instrument).Sum(static entry => entry.Value);

    public void Break(string what)
    {
        if (Interlocked.Increment(ref _brokenCount) <= 8) _broken.Enqueue(what);
    }

    /// <summary>Reads what is observed only when somebody asks.</summary>
    public void Observe()
    {
        _gauges.Clear();
        _listener.RecordObservableInstruments();
    }

    /// <summary>Where the two books differ: none if they agree.</summary>
    public List<string> Differences()
    {
        List<string> differences = [];
        Compare("outcomes", static key => $"{key.Model} {key.Outcome}", differences);
        Compare("versions", static key => key.Outcome == Ok ? $"{key.Model} version '{key.Version}'" : $"{key.Model} not ok", differences);
        if (Begun != Ended) differences.Add($"requests: {Begun} begun, {Ended} ended");
        return differences;
    }

    public override string ToString() => string.Join(", ", _seen.GroupBy(static entry => entry.Key.Outcome)
        .Select(static group => string.Create(CultureInfo.InvariantCulture, $"{group.Key} {group.Sum(static entry => entry.Value)}")));

    public void Dispose() => _listener.Dispose();

    private static void Add<TKey>(ConcurrentDictionary<TKey, long> book, TKey key)
        where TKey : notnull => book.AddOrUpdate(key, 1, static (_, count) => count + 1);

    private void Compare(string what, Func<(string Model, string Outcome, string Version), string> by, List<string> differences)
    {
        var (seen, told) = (Sum(_seen, by), Sum(_told, by));
        foreach (var key in seen.Keys.Union(told.Keys).Order(StringComparer.Ordinal))
        {
            // Only the function of the chain asks the stand-in by its own door.
            var expected = key.StartsWith("s ", StringComparison.Ordinal) ? -1 : seen.GetValueOrDefault(key);
            if (expected >= 0 && expected != told.GetValueOrDefault(key))
                differences.Add($"{what}: {key}: callers saw {expected}, metrics say {told.GetValueOrDefault(key)}");
        }

        var standIn = _told.Where(static entry => entry.Key.Model == "s").Sum(static entry => entry.Value);
        if (what == "outcomes" && standIn != Functions) differences.Add($"stand-in: {Functions} calls, metrics say {standIn}");
    }

    private static Dictionary<string, long> Sum(
        ConcurrentDictionary<(string, string, string), long> book, Func<(string, string, string), string> by) =>
        book.GroupBy(entry => by(entry.Key))
            .ToDictionary(static group => group.Key, static group => group.Sum(static entry => entry.Value));

    private void OnMeasured<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
        where T : struct, IConvertible
    {
        var (model, outcome, version) = ("", Ok, "");
        foreach (var (key, tag) in tags)
        {
            if (key == MlServeDiagnostics.ModelTag) model = (string)tag!;
            else if (key == MlServeDiagnostics.ErrorTypeTag) outcome = (string)tag!;
            else if (key == MlServeDiagnostics.VersionTag) version = (string)tag!;
        }

        if (instrument.Name == MlServeDiagnostics.PredictionDurationMetric) Add(_told, (model, outcome, version));
        else if (instrument.IsObservable)
            _gauges.AddOrUpdate(
                instrument.Name, value.ToDouble(CultureInfo.InvariantCulture),
                (_, sum) => sum + value.ToDouble(CultureInfo.InvariantCulture));
        if (_isThrowing && !instrument.IsObservable && Interlocked.Increment(ref _thrown) % 7 == 0)
            throw new HouseException("The listener throws.");
    }
}
