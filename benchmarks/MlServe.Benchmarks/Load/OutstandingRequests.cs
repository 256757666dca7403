namespace MlServe.Benchmarks.Load;

/// <summary>
/// The requests that have been sent and not answered, of which there is a bounded number. One thread rents; all give back.
/// </summary>
internal sealed class OutstandingRequests(IPredictor predictor, int limit = OutstandingRequests.DefaultLimit)
{
    public const int DefaultLimit = 32_768;

    private readonly LoadRequest?[] _all = new LoadRequest?[limit];

    // The places below the one on top, each plus one; 0 ends the list.
    private readonly int[] _below = new int[limit];
    private int _made;
    private int _count;
    private long _twice;

    // The top of the free places plus one below, and above a number that changes with each exchange.
    private long _top;

    public IPredictor Predictor => predictor;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Answers that came to a request that had been answered.</summary>
    public long Twice => Interlocked.Read(ref _twice);

    /// <summary>A free request; null where the limit is reached.</summary>
    public LoadRequest? TryRent()
    {
        while (true)
        {
            var top = Interlocked.Read(ref _top);
            var place = (int)(uint)top - 1;
            if (place < 0) break;
            if (Interlocked.CompareExchange(ref _top, Next(top, _below[place]), top) != top) continue;
            Interlocked.Increment(ref _count);
            return _all[place];
        }

        if (_made == limit) return null;
        var request = new LoadRequest(this, _made);
        Volatile.Write(ref _all[_made], request);
        Volatile.Write(ref _made, _made + 1);
        Interlocked.Increment(ref _count);
        return request;
    }

    /// <summary>Takes a place back.</summary>
    /// <param name="request">Whose it is.</param>
    /// <param name="isCounted">Whether it was outstanding until now: one that was given up no longer was.</param>
    public void Return(LoadRequest request, bool isCounted)
    {
        if (isCounted) Interlocked.Decrement(ref _count);
        long top;
        do
        {
            top = Interlocked.Read(ref _top);
            _below[request.Place] = (int)(uint)top;
        }
        while (Interlocked.CompareExchange(ref _top, Next(top, request.Place + 1), top) != top);
    }

    public void AnsweredTwice() => Interlocked.Increment(ref _twice);

    /// <summary>Gives up all that are outstanding, and says which.</summary>
    public IReadOnlyList<long> GiveUp()
    {
        var lost = new List<long>();
        for (var i = 0; i < Volatile.Read(ref _made); i++)
        {
            var request = _all[i]!;
            var id = request.Id;
            if (!request.GiveUp()) continue;
            lost.Add(id);
            Interlocked.Decrement(ref _count);
        }

        return lost;
    }

    private static long Next(long top, int placePlusOne) => (((top >>> 32) + 1) << 32) | (uint)placePlusOne;
}
