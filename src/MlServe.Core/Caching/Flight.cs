namespace MlServe.Caching;

/// <summary>A request that is being computed, and the equal ones that wait for its answer. All but the key belongs to <see cref="FlightTable"/>.</summary>
internal sealed class Flight(RequestKey key)
{
    public RequestKey Key { get; } = key;

    public List<FlightFollower>? Followers { get; set; }
}
