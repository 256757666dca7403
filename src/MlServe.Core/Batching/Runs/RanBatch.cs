namespace MlServe.Batching;

/// <summary>What is measured of a batch that ran; nothing of one that did not, whose rows are 0.</summary>
internal readonly record struct RanBatch(CloseReason Reason, int Rows, TimeSpan RunTime, TimeSpan QueueTime);
