namespace MlServe.Caching;

/// <summary>One who computes a request that others may wait for.</summary>
/// <param name="Flight">The computation.</param>
/// <param name="Priority">Its caller's priority, at which it runs.</param>
/// <param name="Limit">How long its caller waits in all; <see cref="TimeSpan.MaxValue"/>: as long as it takes.</param>
internal readonly record struct FlightLead(Flight Flight, RequestPriority Priority, TimeSpan Limit);
