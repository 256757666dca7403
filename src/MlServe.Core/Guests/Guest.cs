namespace MlServe.Guests;

/// <summary>Code that is not MlServe's and that MlServe calls, or lets call it.</summary>
internal enum Guest
{
    /// <summary>A logger or its factory.</summary>
    Logger = 0,

    /// <summary>A meter factory, or a listener to a meter.</summary>
    MeterListener,

    /// <summary>A listener to activities.</summary>
    ActivityListener,

    /// <summary>
    /// A listener to event sources. If it throws when it is told of an event, the runtime keeps the exception from the code that tells.
    /// </summary>
    EventListener,

    /// <summary>A time provider or a timer of its.</summary>
    Clock,

    /// <summary>A synchronization context or task scheduler that takes no work.</summary>
    Context,

    /// <summary>A callback of a cancellation token.</summary>
    Cancellation,

    /// <summary>A handler or check of the application.</summary>
    Callback,

    /// <summary>A layer of the application, or its model, when it is closed.</summary>
    Layer,

    /// <summary>The host: its lifetime, its configuration.</summary>
    Host,

    /// <summary>No guest: work of MlServe's own that ended in a net.</summary>
    Own,
}
