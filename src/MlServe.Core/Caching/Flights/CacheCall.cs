namespace MlServe.Caching;

/// <summary>The state that the cache keeps of a call that it could not answer. Pooled; belongs to one call.</summary>
internal sealed class CacheCall
{
    private PredictionInputs _inputs;
    private long _deadline;

    /// <summary>The copy of the inputs that is computed with; null: there is none yet.</summary>
    public OwnedInputs? Own { get; set; }

    /// <summary>The outputs that the call asks for.</summary>
    public OutputSelection Outputs { get; set; } = null!;

    /// <summary>The computation that it leads; none if <see cref="FlightLead.Flight"/> is null.</summary>
    public FlightLead Lead { get; set; }

    /// <summary>The follower that it waits as; null: it does not wait for an equal one.</summary>
    public FlightFollower? Follower { get; set; }

    /// <summary>Whether it computes in place of one that gave up.</summary>
    public bool IsSuccessor { get; set; }

    /// <summary>Its key in the second level; null: it has none there.</summary>
    public string? SharedKey { get; set; }

    /// <summary>The entry that the second level had; null: it had none.</summary>
    public CacheEntry? Found { get; set; }

    /// <summary>When the model was asked, as a timestamp.</summary>
    public long Started { get; set; }

    /// <summary>The time that copying the inputs took, in timestamp units.</summary>
    public long CopyTicks { get; set; }

    /// <summary>Begins to remember a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="state">The place in which it is remembered.</param>
    public static CacheCall Enter(ref StageCall call, ref object? state)
    {
        var remembered = Pool<CacheCall>.Rent();
        (remembered._inputs, remembered._deadline) = (call.Inputs, call.Deadline);
        state = remembered;
        return remembered;
    }

    /// <summary>Lets the call go on with a copy of its inputs.</summary>
    public void Take(ref StageCall call, OwnedInputs own)
    {
        Own = own;
        call.Inputs = own.Inputs;
    }

    /// <summary>Gives the call back its own inputs and options, and this object back to its pool.</summary>
    public void Leave(ref StageCall call)
    {
        (call.Inputs, call.Deadline) = (_inputs, _deadline);
        Own?.Dispose();
        (_inputs, Own, Outputs, Lead, Follower, SharedKey, Found) = (default, null, null!, default, null, null, null);
        (IsSuccessor, Started, CopyTicks) = (false, 0, 0);
        Pool<CacheCall>.Return(this);
    }
}
