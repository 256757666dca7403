namespace MlServe;

/// <summary>
/// Says who asks, for requests whose options name nobody. Register one with the host's services
/// (<c>services.AddSingleton&lt;ICallerAccessor, …&gt;()</c>), and all of its models ask it.
/// Must be safe for concurrent use.
/// </summary>
public interface ICallerAccessor
{
    /// <summary>
    /// The caller of the present request; null: the application itself. Read on the thread of each call, before anything else happens to
    /// it. A request is refused as <see cref="PredictionStatus.Failed"/> if this throws, since nobody knows then whose it is.
    /// </summary>
    Caller? Current { get; }
}
