namespace MlServe;

/// <summary>Somebody who waits for a <see cref="RunGate"/>. Of <see cref="Enter"/> and <see cref="Drop"/> one is called, once.</summary>
internal interface IGateWaiter
{
    /// <summary>Whether it has given up and need not be let in any more; does not change back while it waits.</summary>
    bool HasLeft => false;

    /// <summary>There is room, and it is taken: the waiter must call <see cref="RunGate.Exit"/>. Returns at once and does not throw.</summary>
    void Enter();

    /// <summary>The gate has let go of a waiter that has left; no room is taken. Returns at once and does not throw.</summary>
    void Drop()
    {
    }
}
