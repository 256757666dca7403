using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>The requests that are being computed: each once, however many ask for it. Safe for concurrent use.</summary>
/// <param name="timeout">How long a request may take that does not say.</param>
internal sealed class FlightTable(TimeSpan? timeout = null)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RequestKey, Flight> _flights = [];
    private UrgentCompletion? _empty;

    public int Count
    {
        get
        {
            lock (_gate) return _flights.Count;
        }
    }

    /// <summary>Begins to compute, or joins whoever does already.</summary>
    /// <param name="key">The request's key.</param>
    /// <param name="inputs">The request, as all that follows, for the case that it has to wait.</param>
    /// <param name="outputs">What it asks for.</param>
    /// <param name="options">Its options.</param>
    /// <param name="time">The clock of its deadline.</param>
    /// <param name="cancellationToken">Its caller's token.</param>
    /// <param name="flight">The computation.</param>
    /// <returns>The one that waits; null: the caller computes.</returns>
    public FlightFollower? Enter(
        RequestKey key, in PredictionInputs inputs, OutputSelection outputs, PredictionOptions? options, TimeProvider time, CancellationToken cancellationToken,
        out Flight flight)
    {
        lock (_gate)
        {
            if (_flights.TryGetValue(key, out var underWay))
            {
                var follower = new FlightFollower(inputs, options, outputs, options?.Timeout ?? timeout, time, cancellationToken);
                (underWay.Followers ??= []).Add(follower);
                flight = underWay;
                return follower;
            }

            _flights.Add(key, flight = new(key));
            return null;
        }
    }

    /// <summary>Ends the computation: whoever asks from now on looks at the cache again.</summary>
    /// <returns>Those that wait.</returns>
    public List<FlightFollower>? End(Flight flight)
    {
        lock (_gate)
        {
            Remove(flight);
            var followers = flight.Followers;
            flight.Followers = null;
            return followers;
        }
    }

    /// <summary>The one that computes has given up: the first of those that still wait goes on in its place, and the others go on waiting.</summary>
    /// <returns>The one to compute; null: nobody waits, and the computation has ended.</returns>
    public FlightFollower? Promote(Flight flight)
    {
        lock (_gate)
        {
            while (flight.Followers is { Count: > 0 } followers)
            {
                var first = followers[0];
                followers.RemoveAt(0);
                if (first.TryClaim()) return first;
            }

            Remove(flight);
            return null;
        }
    }

    /// <summary>Ends when nothing is being computed.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_gate)
        {
            if (_flights.Count == 0) return Task.CompletedTask;
            return (_empty ??= new()).Task;
        }
    }

    private void Remove(Flight flight)
    {
        _flights.Remove(flight.Key);
        if (_flights.Count == 0) _empty?.Complete();
    }
}
