namespace MlServe;

/// <summary>
/// The events of a host's models, for those who watch, record or alert. A host registers one; a pipeline that is built by hand takes a
/// <see cref="ModelEvents"/> from its services. Safe for concurrent use.
/// </summary>
public interface IModelEvents
{
    /// <summary>How many events listeners have missed, because they fell too far behind.</summary>
    long Dropped { get; }

    /// <summary>Tells of an event. Returns at once, no matter what listeners do.</summary>
    /// <param name="modelEvent">The event.</param>
    void Publish(ModelEvent modelEvent);

    /// <summary>Listens from now on.</summary>
    /// <remarks>
    /// The listener is called off the path of requests, for one event after the other in their order. It has a thread of its own until it
    /// has caught up. An exception is counted (<see cref="MlServeDiagnostics.GuestFaultsMetric"/>, <c>callback</c>) and does not end the
    /// subscription. If it takes longer than events come, the oldest of more than <see cref="ModelEvents.MaxWaiting"/> that wait are
    /// dropped.
    /// </remarks>
    /// <param name="listener">Called with each event.</param>
    /// <returns>Ends the subscription when it is disposed: no call begins after that.</returns>
    /// <exception cref="InvalidOperationException">There are <see cref="ModelEvents.MaxListeners"/> already.</exception>
    IDisposable Subscribe(Action<ModelEvent> listener);

    /// <summary>The last events, the oldest first.</summary>
    /// <param name="count">How many at most, 0 or more; <see cref="ModelEvents.MaxRecent"/> are kept.</param>
    IReadOnlyList<ModelEvent> Recent(int count = ModelEvents.MaxRecent);
}
