namespace MlServe.Hosting;

/// <summary>A predictor of the application's in a model's place: it has the model's name, and is disposed with it if it was made for
/// it.</summary>
internal sealed class ForeignModel(IPredictor inner, bool isBorrowed, ModelIdentity identity) : DelegatingPredictor(inner)
{
    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        base.GetService(serviceType, serviceKey) ?? (serviceKey is null && serviceType == typeof(ModelIdentity) ? identity : null);

    protected override void Dispose(bool disposing)
    {
        if (disposing && !isBorrowed) Inner.Dispose();
        base.Dispose(disposing);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        if (!isBorrowed) await Inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsyncCore().ConfigureAwait(false);
    }
}
