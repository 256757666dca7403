namespace MlServe.Caching;

/// <summary>
/// A request that is being computed, and the equal ones that wait for its answer. More than one may compute it: a request more urgent than
/// those that do, or with longer than they have, goes on by itself. All but the key belongs to <see cref="FlightTable"/>.
/// </summary>
internal sealed class Flight
{
    /// <summary>
    /// The share of a follower's time that a computation must have. A short timeout does not decide the answer to a request that has
    /// longer.
    /// </summary>
    private const double SharedTime = 0.9;

    // One most of the time.
    private FlightLead _first;
    private List<FlightLead>? _others;

    public RequestKey Key { get; set; }

    public List<FlightFollower>? Followers { get; set; }

    /// <summary>Whether somebody computes it.</summary>
    public bool HasLeader => _first.Flight is not null;

    /// <summary>Whether one of those that compute has as long as a request that says so, or about as long.</summary>
    public bool HasAsLongAs(TimeSpan limit)
    {
        if (HasLeader && limit * SharedTime <= _first.Limit) return true;
        for (var i = 0; i < _others?.Count; i++)
        {
            if (limit * SharedTime <= _others[i].Limit) return true;
        }

        return false;
    }

    /// <summary>Whether one of those that compute is as urgent.</summary>
    public bool IsAsUrgentAs(RequestPriority priority) =>
        HasLeader
        && (priority != RequestPriority.Normal || _first.Priority == priority
            || (_others?.Exists(static other => other.Priority == RequestPriority.Normal) ?? false));

    /// <summary>Somebody begins to compute.</summary>
    public FlightLead Enter(RequestPriority priority, TimeSpan limit)
    {
        var lead = new FlightLead(this, priority, limit);
        if (HasLeader) (_others ??= []).Add(lead);
        else _first = lead;
        return lead;
    }

    /// <summary>Somebody has ended, or given up.</summary>
    public void Leave(FlightLead lead)
    {
        if (_others is { Count: > 0 } others)
        {
            // Those that are alike are one another's.
            if (others.Remove(lead)) return;
            _first = others[^1];
            others.RemoveAt(others.Count - 1);
        }
        else
        {
            _first = default;
        }
    }
}
