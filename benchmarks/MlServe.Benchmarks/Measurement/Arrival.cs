namespace MlServe.Benchmarks.Measurement;

/// <summary>A request that is due.</summary>
/// <param name="Index">From 0.</param>
/// <param name="Group">That of its <see cref="RatePhase"/>.</param>
/// <param name="Due">Nanoseconds from the start.</param>
/// <param name="Phase">In which phase.</param>
internal readonly record struct Arrival(long Index, int Group, long Due, int Phase);
