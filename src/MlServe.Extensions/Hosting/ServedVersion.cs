using Microsoft.Extensions.Logging;
using MlServe.Configuration;

namespace MlServe.Hosting;

/// <summary>
/// A version of a model that is loaded, with what code adds around it. It counts the requests inside, so that it is closed only when the
/// last of them has been answered.
/// </summary>
/// <param name="pipeline">The model and its layers; closed with this.</param>
/// <param name="settings">The settings that it was loaded with.</param>
/// <param name="loadedAt">When.</param>
internal sealed class ServedVersion(IPredictor pipeline, VersionSettings settings, DateTimeOffset loadedAt)
    : DelegatingPredictor(pipeline), IKeepsDeadlines
{
    private readonly Completion _idle = new();
    private readonly Completion _closed = new();
    private int _inside;
    private bool _isClosing;
    private bool _isRetired;

    public override ModelSignature Signature { get; } = pipeline.Signature;

    /// <summary>Answers its requests.</summary>
    public IPredictor Pipeline => Inner;

    public ModelIdentity? Identity { get; } = pipeline.GetService<ModelIdentity>();

    public VersionSettings Settings => settings;

    public DateTimeOffset LoadedAt => loadedAt;

    /// <summary>The requests inside, or that are just being turned away.</summary>
    public int Inside => Volatile.Read(ref _inside);

    /// <summary>Whether it takes no more requests.</summary>
    public bool IsRetired => Volatile.Read(ref _isRetired);

    public bool IsClosed => _closed.IsComplete;

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(ServiceLevel) ? settings.ServiceLevel : base.GetService(serviceType, serviceKey);

    /// <summary>Lets a request in; to be left. False if the version takes no more.</summary>
    public bool TryEnter()
    {
        // Counted before the look: who retires it either sees this request inside or has already shut it out.
        Interlocked.Increment(ref _inside);
        if (!IsRetired) return true;
        Leave();
        return false;
    }

    public void Leave()
    {
        if (Interlocked.Decrement(ref _inside) == 0 && IsRetired) _idle.Complete();
    }

    /// <summary>Takes no more requests.</summary>
    /// <returns>Completes when those inside have been answered.</returns>
    public Task Retire()
    {
        Interlocked.Exchange(ref _isRetired, true);
        if (Inside == 0) _idle.Complete();
        return _idle.Task;
    }

    /// <summary>
    /// Takes no more requests and closes the model when those inside have been answered, however long that takes. A model that is closed
    /// under a request would answer it with an exception. Exceptions of layers are logged.
    /// </summary>
    public Task CloseAsync(ILogger logger)
    {
        // A layer may hold the thread that closes it, and nobody else who asks for the end.
        if (!Interlocked.Exchange(ref _isClosing, true)) _ = CloseWhenIdleAsync(logger);
        return _closed.Task;
    }

    private async Task CloseWhenIdleAsync(ILogger logger)
    {
        await Retire().ConfigureAwait(false);
        try
        {
            await Inner.DisposeAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // A layer of the application's; the pipeline has disposed all others.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            logger.LayerNotClosed(exception, settings.Model);
        }

        _closed.Complete();
    }
}
