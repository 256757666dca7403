namespace MlServe.Batching;

/// <summary>The measures of a batch that ran; none of one that did not, whose rows are 0.</summary>
internal readonly record struct RanBatch(CloseReason Reason, int Rows, TimeSpan RunTime, TimeSpan QueueTime);
