using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>
/// The requests that are being computed: each once, however many ask for it, unless it is computed too slowly for one of them. Safe for
/// concurrent use.
/// </summary>
/// <param name="time">The clock of deadlines.</param>
/// <param name="model">Whose requests they are.</param>
internal sealed class FlightTable(TimeProvider time, ModelIdentity model)
{
    private const int MaxIdle = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<RequestKey, Flight> _flights = [];
    private readonly Stack<Flight> _idle = [];
    private readonly int[] _ended = new int[64];
    private UrgentCompletion? _empty;
    private int _leads;

    /// <summary>
    /// A number that is another one as soon as a computation of this key has ended; maybe also if one of another key has.
    /// </summary>
    public int EndedOf(RequestKey key) => Volatile.Read(ref EndedAt(key));

    /// <summary>Begins to compute, or joins a computation under way.</summary>
    /// <param name="key">The request's key.</param>
    /// <param name="call">The request.</param>
    /// <param name="lead">The computation that the caller leads, if it computes.</param>
    /// <returns>The one that waits; null: the caller computes.</returns>
    public FlightFollower? Enter(RequestKey key, ref StageCall call, out FlightLead lead)
    {
        lead = default;
        var (limit, priority) = (call.Limit, call.Options?.Priority ?? RequestPriority.Normal);
        lock (_gate)
        {
            if (!_flights.TryGetValue(key, out var flight))
            {
                _flights.Add(key, flight = _idle.TryPop(out var idle) ? idle : new());
                flight.Key = key;
            }
            else if (flight.IsAsUrgentAs(priority) && (limit is null || flight.HasAsLongAs(limit.Value)))
            {
                var follower = new FlightFollower(priority, limit, call.Deadline, time, model, call.CancellationToken);
                (flight.Followers ??= []).Add(follower);
                return follower;
            }

            _leads++;
            lead = flight.Enter(priority, limit ?? TimeSpan.MaxValue);
            return null;
        }
    }

    /// <summary>Ends the computation: a request that comes from now on looks at the cache again.</summary>
    /// <returns>Those that wait; null if nobody does, or another who computed the same has answered them.</returns>
    public List<FlightFollower>? End(FlightLead lead)
    {
        lock (_gate)
        {
            var flight = lead.Flight;
            flight.Leave(lead);
            Volatile.Write(ref EndedAt(flight.Key), EndedAt(flight.Key) + 1);
            Remove(flight);
            var followers = flight.Followers;
            flight.Followers = null;
            Rest(flight);
            Left();
            return followers;
        }
    }

    /// <summary>
    /// One that computes has given up. If nobody as urgent goes on, the first of those that still wait takes its place, and the others go
    /// on waiting.
    /// </summary>
    /// <param name="lead">The one that has given up.</param>
    /// <param name="next">The computation that the other is to lead.</param>
    /// <returns>The one to compute; null: nobody has to.</returns>
    public FlightFollower? Promote(FlightLead lead, out FlightLead next)
    {
        next = default;
        lock (_gate)
        {
            var flight = lead.Flight;
            flight.Leave(lead);
            if (FirstUnserved(flight) is { } follower)
            {
                next = flight.Enter(follower.Priority, follower.Limit ?? TimeSpan.MaxValue);
                return follower;
            }

            if (!flight.HasLeader) Remove(flight);
            Rest(flight);
            Left();
            return null;
        }
    }

    /// <summary>Ends when nothing is being computed.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_gate)
        {
            if (_leads == 0) return Task.CompletedTask;
            return (_empty ??= new()).Task;
        }
    }

    /// <summary>The first of those that wait for whom nobody as urgent computes, the most urgent before the others; claimed.</summary>
    private static FlightFollower? FirstUnserved(Flight flight)
    {
        while (flight.Followers is { Count: > 0 } followers)
        {
            var at = Math.Max(0, followers.FindIndex(static follower => follower.Priority == RequestPriority.Normal));
            var first = followers[at];
            if (flight.IsAsUrgentAs(first.Priority)) return null;
            followers.RemoveAt(at);
            if (first.TryClaim()) return first;
        }

        return null;
    }

    private void Remove(Flight flight)
    {
        if (_flights.TryGetValue(flight.Key, out var current) && ReferenceEquals(current, flight)) _flights.Remove(flight.Key);
    }

    /// <summary>Keeps one that nobody computes any more for the next request.</summary>
    private void Rest(Flight flight)
    {
        if (flight.HasLeader || _idle.Count >= MaxIdle) return;
        flight.Followers = null;
        _idle.Push(flight);
    }

    private ref int EndedAt(RequestKey key) => ref _ended[(int)(key.Key % (uint)_ended.Length)];

    private void Left()
    {
        if (--_leads == 0) _empty?.Complete();
    }
}
