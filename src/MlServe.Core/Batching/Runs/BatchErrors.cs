using MlServe.Guests;
using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>What requests of a batcher hear that are not answered.</summary>
/// <param name="model">The model's name.</param>
internal sealed class BatchErrors(string model)
{
    /// <summary>What a request hears of an exception that an executor threw when it was to give a lane. Only here it says that the model is closed.</summary>
    public PredictionError Refused(Exception exception) => exception is ObjectDisposedException
        ? new(PredictionStatus.NotReady, PredictionErrorCode.Draining, "Model '{0}' has been closed.", model) { Exception = exception }
        : Failed(exception);

    /// <summary>What a request hears of an exception that a lane threw.</summary>
    public PredictionError Failed(Exception exception) => exception is UnreadableInputException unreadable
        ? OwnedInputs.Unreadable(unreadable)
        : new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "Model '{0}' failed: {1}", model, GuestReports.MessageOf(exception)) { Exception = exception };

    /// <param name="isRun">Whether the run, and not the wait for it, used up most of the time.</param>
    public PredictionError TimedOut(bool isRun) => isRun
        ? new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.RunTimedOut,
            "Model '{0}' ran until the time for an answer was over. A batch for which nobody waits any more is cut off.", model)
        : new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut,
            "The time for an answer of model '{0}' was over before there was one. Wait longer, or send less.", model);
}
