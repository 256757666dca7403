namespace MlServe.Hosting;

/// <summary>
/// The versions of one model that are loaded, and which of them is live. It is the inner end of the layers that stand before the model is
/// there. <see cref="ReadinessStage"/> lets requests in; the choice among versions is made in <see cref="Enter"/>.
/// </summary>
/// <param name="refusal">Why there is none yet.</param>
internal sealed class VersionSet(PredictionError refusal) : IPredictor, IKeepsDeadlines
{
    /// <summary>How many there may be: live, beside it, and on their way out.</summary>
    public const int Most = 8;

    private readonly Lock _lock = new();
    private ServedVersion[] _all = [];
    private PredictionError? _refusal = refusal;
    private volatile ServedVersion? _live;
    private volatile ServedVersion? _last;

    /// <summary>The services beside predictions of the model as a whole.</summary>
    public IModelVersions? Owner { get; init; }

    /// <summary>The version that requests go to; null: none.</summary>
    public ServedVersion? Live => _live;

    /// <summary>The version that is live, or was at the end.</summary>
    public ServedVersion? Last => _last;

    /// <summary>All that are not closed, the oldest first.</summary>
    public IReadOnlyList<ServedVersion> All => Volatile.Read(ref _all);

    public bool IsFull => All.Count >= Most;

    /// <summary>Why requests are turned away; null while they are let in.</summary>
    public PredictionError? Refusal => Volatile.Read(ref _refusal);

    /// <summary>The requests that have been let in.</summary>
    public int Inside => All.Sum(static version => version.Inside);

    public ModelSignature Signature => _last?.Signature ?? ModelSignature.Unknown;

    /// <summary>A set of one version, for requests to it alone.</summary>
    /// <param name="version">The version.</param>
    /// <param name="refusal">Why requests are turned away once it takes no more.</param>
    public static VersionSet Of(ServedVersion version, PredictionError refusal) =>
        new(refusal) { _live = version, _last = version, _all = [version] };

    /// <summary>The version that a request goes to, with the request let in; null: <see cref="Refusal"/> says why.</summary>
    public ServedVersion? Enter()
    {
        while (_live is { } live)
        {
            if (live.TryEnter()) return live;
            if (ReferenceEquals(live, _live)) return null;
        }

        return null;
    }

    /// <summary>Turns requests away while there is no version.</summary>
    public void Refuse(PredictionError reason) => Volatile.Write(ref _refusal, reason);

    /// <summary>Takes in a version, which is not live yet.</summary>
    public void Add(ServedVersion version)
    {
        lock (_lock) Volatile.Write(ref _all, [.. _all, version]);
    }

    /// <summary>Gives up a version that is closed; false if that has been done.</summary>
    public bool TryRemove(ServedVersion version)
    {
        lock (_lock)
        {
            if (!_all.Contains(version)) return false;
            Volatile.Write(ref _all, [.. _all.Where(other => other != version)]);
            return true;
        }
    }

    /// <summary>Sends all requests to a version from now on, in one exchange.</summary>
    public void Publish(ServedVersion version)
    {
        _last = version;
        _live = version;
        Volatile.Write(ref _refusal, null);
    }

    /// <summary>Shows a version that was loaded too late to be published.</summary>
    public void Show(ServedVersion version) => _last = version;

    /// <summary>Turns requests away for good.</summary>
    public void Close(PredictionError reason)
    {
        Interlocked.Exchange(ref _refusal, reason);
        _live = null;
    }

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) => _live is { } live
        ? live.PredictAsync(inputs, options, cancellationToken)
        : new(Prediction.FromError(Refusal!));

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is null && serviceType == typeof(VersionSet)) return this;
        if (serviceKey is null && serviceType == typeof(IModelVersions)) return Owner;
        return _last?.GetService(serviceType, serviceKey);
    }

    /// <summary>Nothing: the owner of the versions closes them.</summary>
    public void Dispose()
    {
    }

    public ValueTask DisposeAsync() => default;
}
