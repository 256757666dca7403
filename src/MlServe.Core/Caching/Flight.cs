namespace MlServe.Caching;

/// <summary>A request that is being computed, and the equal ones that wait for its answer, which belong to <see cref="FlightTable"/>.</summary>
internal sealed class Flight(RequestKey key)
{
    public RequestKey Key { get; } = key;

    public List<FlightFollower>? Followers { get; set; }

    /// <summary>
    /// What is computed: a copy whose hash is the key, so that nothing that callers write meanwhile is kept, or given to others, as the answer to it. Belongs to
    /// whoever computes, and goes over to the next.
    /// </summary>
    public OwnedInputs? Inputs { get; set; }

    /// <summary>What the copy took, in timestamp units.</summary>
    public long CopyTicks { get; set; }
}
