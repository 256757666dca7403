namespace MlServe.Caching;

/// <summary>
/// A kept answer. Its content never changes, so that any number of predictions may show it while it is replaced or evicted.
/// </summary>
internal sealed class CacheEntry : CacheNode
{
    // Measured (CacheMemoryTests): the store's entry, its key, its place in the table, this object, its share of the sketch.
    private const int EntryOverhead = 400;
    private const int ValueOverhead = 176;
    private const int StringOverhead = 32;

    private readonly OutputValue[] _outputs;

    private CacheEntry(RequestKey key, CacheVersion version, ModelIdentity? model, OutputValue[] outputs, long weight, long created)
        : base((ulong)key.Key, weight)
    {
        Key = key;
        Version = version;
        Model = model;
        Created = created;
        _outputs = outputs;
    }

    public RequestKey Key { get; }

    public CacheVersion Version { get; }

    /// <summary>The model that answered; null if a predictor of the application did not say.</summary>
    public ModelIdentity? Model { get; }

    /// <summary>When the model gave the answer, as a timestamp.</summary>
    public long Created { get; }

    public ReadOnlySpan<OutputValue> Outputs => _outputs;

    /// <param name="key">The request's key, of the version.</param>
    /// <param name="version">Which version answered.</param>
    /// <param name="answer">Its answer, which is Ok; copied.</param>
    /// <param name="created">When it was given.</param>
    public static CacheEntry Of(RequestKey key, CacheVersion version, Prediction answer, long created)
    {
        var outputs = new OutputValue[answer.Count];
        for (var i = 0; i < outputs.Length; i++)
            outputs[i] = answer.ValueAt(i).Freeze();
        return new(key, version, answer.Origin.Model, outputs, WeightOf(outputs), created);
    }

    /// <summary>An answer that another process has kept.</summary>
    public static CacheEntry Of(RequestKey key, CacheVersion version, OutputValue[] frozen, long created) =>
        new(key, version, version.Identity, frozen, WeightOf(frozen), created);

    /// <summary>The bytes that an answer takes when it is kept.</summary>
    public static long WeightOf(Prediction answer)
    {
        long weight = EntryOverhead;
        for (var i = 0; i < answer.Count; i++)
            weight += WeightOf(answer.ValueAt(i));
        return weight;
    }

    private static long WeightOf(OutputValue[] outputs)
    {
        long weight = EntryOverhead;
        foreach (var output in outputs)
            weight += WeightOf(output);
        return weight;
    }

    /// <summary>Shows the answer, without a copy.</summary>
    public Prediction ToPrediction(PredictionSource source, TimeSpan age)
    {
        var state = PredictionState.Rent();
        foreach (var output in _outputs)
            state.Add().Share(output);
        state.Origin = new() { Model = Model, Source = source, Age = age };
        return new(state);
    }

    private static long WeightOf(OutputValue value)
    {
        long weight = ValueOverhead + (value.Rank * sizeof(long)) + ((value.Bytes.Length + 7) & ~7);
        if (value.ElementType == Tensors.ElementType.String)
        {
            foreach (var text in value.Strings)
                weight += StringOverhead + (2L * text.Length);
        }

        foreach (var child in value.Children)
            weight += WeightOf(child);
        return weight;
    }
}
