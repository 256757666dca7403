namespace MlServe.Benchmarks.Scorecard;

/// <summary>What callers got of a host that has just become ready.</summary>
/// <param name="FirstSecond">The answers of the first second.</param>
/// <param name="First">The answers of the first seconds.</param>
/// <param name="Later">The answers of as many seconds after them.</param>
internal sealed record FirstSecondsResult(long FirstSecond, long First, long Later);
