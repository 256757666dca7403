using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Onnx;

/// <summary>A source of the application's may hold its thread, or not heed the token: code that waits for it goes on.</summary>
internal sealed class TimedModelSource(IModelSource source, string model, TimeSpan timeout, TimeProvider time)
    : IUnhurriedModelSource
{
    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        var isUnhurried = source is IUnhurriedModelSource;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var late = isUnhurried ? null : UrgentCancel.After(stop, timeout, time);
        var reading = Background.Run(() => source.ReadAsync(stop.Token).AsTask());
        try
        {
            return await reading.WaitAsync(stop.Token).ConfigureAwait(false)
                ?? throw new ModelLoadException(ModelLoadFailure.NotFound, $"The source of model '{model}' returned nothing.");
        }
        catch (OperationCanceledException exception) when (!stop.IsCancellationRequested)
        {
            throw new ModelLoadException(ModelLoadFailure.Unreadable,
                $"The source of model '{model}' gave up by itself, after a time limit of its own perhaps: {exception.Message}", exception);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Background.Then(reading, () => ModelContent.LetGo(reading));
            cancellationToken.ThrowIfCancellationRequested();
            throw new ModelLoadException(ModelLoadFailure.TimedOut,
                $"The source of model '{model}' did not give it within LoadTimeout ({timeout}). Look at where it reads from; raise "
                    + "OnnxModelOptions.LoadTimeout if it is known to take longer.");
        }
    }
}
