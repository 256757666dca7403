using MlServe.Onnx;

namespace MlServe.ChildProcess.Guests;

/// <summary>A layer of the application's that throws in all the ways there are.</summary>
/// <param name="inner">What is behind it.</param>
/// <param name="mischief">Tells when.</param>
/// <param name="deserves">Whether requests are to suffer: a layer that throws at a request is that request's own affair.</param>
internal sealed class ThrowingLayer(IPredictor inner, Mischief mischief, bool deserves) : DelegatingPredictor(inner), IWarmable
{
    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.CanBeCanceled) cancellationToken.Register(() => mischief.Call("layer.Cancelled"));
        if (deserves) mischief.Call("layer.PredictAsync");
        await Task.Yield();
        if (deserves) mischief.Call("layer.PredictAsync.later");
        return await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
    }

    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        // The health check asks for it, and nobody else.
        if (serviceType == typeof(OnnxModelDescription)) mischief.Call("layer.GetService");
        return base.GetService(serviceType, serviceKey);
    }

    public IPredictor CreateWarmUpTwin(IPredictor inner)
    {
        mischief.Call("layer.CreateWarmUpTwin");
        return new ThrowingLayer(inner, mischief, deserves: false);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        await base.DisposeAsyncCore().ConfigureAwait(false);
        mischief.Call("layer.DisposeAsync");
    }
}
