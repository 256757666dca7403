namespace MlServe;

/// <summary>Somebody who waits for a <see cref="RunGate"/>.</summary>
internal interface IGateWaiter
{
    /// <summary>There is room, and it is taken: the waiter must call <see cref="RunGate.Exit"/>. Returns at once and does not throw.</summary>
    void Enter();
}
