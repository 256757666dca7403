namespace MlServe;

/// <summary>
/// The base of decorators: passes every call on to an inner predictor. Override what you want to change. It does not dispose the inner
/// predictor, which belongs to its maker.
/// </summary>
public abstract class DelegatingPredictor : IPredictor
{
    /// <summary>Wraps a predictor.</summary>
    /// <param name="inner">The predictor that calls go on to.</param>
    protected DelegatingPredictor(IPredictor inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Inner = inner;
    }

    /// <summary>The predictor that calls go on to.</summary>
    protected IPredictor Inner { get; }

    /// <inheritdoc />
    public virtual ModelSignature Signature => Inner.Signature;

    /// <inheritdoc />
    public virtual ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        Inner.PredictAsync(inputs, options, cancellationToken);

    /// <inheritdoc />
    public virtual object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is null && serviceType.IsInstanceOfType(this) ? this : Inner.GetService(serviceType, serviceKey);
    }

    /// <summary>Disposes this decorator, not the inner predictor.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Disposes this decorator, not the inner predictor.</summary>
    public async ValueTask DisposeAsync()
    {
        await DisposeAsyncCore().ConfigureAwait(false);
        Dispose(disposing: false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the decorator itself holds.</summary>
    /// <param name="disposing">Whether it is called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>
    /// Releases what the decorator itself holds, waiting if that takes time; the default calls <see cref="Dispose(bool)"/>.
    /// </summary>
    protected virtual ValueTask DisposeAsyncCore()
    {
        Dispose(disposing: true);
        return default;
    }
}
