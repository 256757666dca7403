namespace MlServe.Threading;

/// <summary>The places at which <see cref="UrgentWork"/> is run.</summary>
internal enum UrgentPlace
{
    /// <summary>On a thread of the pool.</summary>
    PoolThread,

    /// <summary>On a helper thread, because the pool is known to be blocked.</summary>
    Helper,

    /// <summary>On a helper thread, because nobody has come for it for some milliseconds.</summary>
    LateHelper,

    /// <summary>On the thread of a synchronous call that waits for it.</summary>
    Waiter,
}
