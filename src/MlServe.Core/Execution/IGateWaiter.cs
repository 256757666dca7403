namespace MlServe;

/// <summary>Somebody who waits for a <see cref="RunGate"/>. Of <see cref="Enter"/> and <see cref="Drop"/> one is called, once.</summary>
internal interface IGateWaiter
{
    /// <summary>The model that it is to run; null: those who name none share a flow.</summary>
    GateFlow? Flow => null;

    /// <summary>Whether it stands in its model's line of work in bulk; does not change while it waits.</summary>
    bool IsBulk => false;

    /// <summary>
    /// Whether all who do not yield go first, of whichever model. Asked each time that there is room; a waiter must not yield for ever.
    /// </summary>
    bool Yields => false;

    /// <summary>Whether it has given up and need not be let in any more; does not change back while it waits.</summary>
    bool HasLeft => false;

    /// <summary>
    /// The charge that its run was given when it was let in, for <see cref="RunGate.Exit(IGateWaiter, TimeSpan?)"/>. The gate's own.
    /// </summary>
    long Charge { get; set; }

    /// <summary>
    /// There is room, and it is taken: the waiter must call <see cref="RunGate.Exit(IGateWaiter, TimeSpan?)"/>. Returns at once and does
    /// not throw.
    /// </summary>
    void Enter();

    /// <summary>The gate has let go of a waiter that has left; no room is taken. Returns at once and does not throw.</summary>
    void Drop()
    {
    }
}
