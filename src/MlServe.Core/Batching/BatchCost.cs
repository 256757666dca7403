namespace MlServe.Batching;

/// <summary>
/// The cost of the runs of one shape, as a batcher has learnt it: a run of n rows takes <paramref name="Fixed"/> + n ·
/// <paramref name="PerRow"/>.
/// </summary>
/// <param name="Shape">The shape of the requests.</param>
/// <param name="Priority">Their priority.</param>
/// <param name="Fixed">The time that a run takes, however many rows it holds.</param>
/// <param name="PerRow">The time that a row adds.</param>
/// <param name="Limit">The most rows that are run together: the largest size that costs less a row than smaller ones.</param>
public sealed record BatchCost(LaneShape Shape, RequestPriority Priority, TimeSpan Fixed, TimeSpan PerRow, int Limit);
