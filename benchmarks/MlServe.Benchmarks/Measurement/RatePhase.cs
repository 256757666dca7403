namespace MlServe.Benchmarks.Measurement;

/// <summary>A stretch of time with one rate.</summary>
/// <param name="Rate">Requests a second.</param>
/// <param name="Seconds">How long it lasts.</param>
/// <param name="Group">Which phases are counted together.</param>
internal readonly record struct RatePhase(double Rate, double Seconds, int Group = 0);
