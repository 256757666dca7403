using MlServe.Guests;
using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>The errors of a batcher's requests that are not answered.</summary>
/// <param name="model">The model.</param>
internal sealed class BatchErrors(ModelIdentity model)
{
    private readonly Refusals _refusals = new(model);

    /// <summary>
    /// The error of a request if an executor threw when it was to give a lane. Only here it says that the model is closed.
    /// </summary>
    public PredictionError Refused(Exception exception) => exception is ObjectDisposedException
        ? new(PredictionStatus.NotReady, PredictionErrorCode.Draining, "Model '{0}' has been closed.", model.Name)
        {
            Model = model,
            Exception = exception,
        }
        : Failed(exception);

    /// <summary>The error of a request if a lane threw.</summary>
    public PredictionError Failed(Exception exception) => exception is UnreadableInputException unreadable
        ? OwnedInputs.Unreadable(unreadable).Of(model)
        : new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "Model '{0}' failed: {1}", model.Name,
            GuestReports.MessageOf(exception))
        {
            Model = model,
            Exception = exception,
        };

    /// <summary>The error of a request whose time is over.</summary>
    /// <param name="isRun">Whether the run, and not the wait for it, used up most of the time.</param>
    public PredictionError TimedOut(bool isRun) => isRun ? _refusals.RunTimedOut : _refusals.TimedOut;

    /// <summary>The error of a request if too many rows wait; keep it, because it must cost nothing.</summary>
    public PredictionError QueueFull(int limit) => _refusals.QueueFull(limit, "rows", nameof(BatchingOptions.MaxQueuedRows));

    /// <summary>The error of a request whose answer the lane could not give.</summary>
    public PredictionError Unread(Exception exception) => new(
        PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "The answer could not be read: {0}", GuestReports.MessageOf(exception))
    {
        Model = model,
        Exception = exception,
    };
}
