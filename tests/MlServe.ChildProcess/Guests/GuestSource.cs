using MlServe.Onnx;

namespace MlServe.ChildProcess.Guests;

/// <summary>A source of the application's.</summary>
internal sealed class GuestSource(Mischief mischief) : IModelSource
{
    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        await Task.Yield();

        // Of one that throws the start would fail, as it should.
        _ = mischief.Fails("source.ReadAsync");
        return new(Models.Sum, "guest");
    }
}
