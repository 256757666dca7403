namespace MlServe.Benchmarks.Scorecard;

/// <summary>What a fresh process says of its first predictions.</summary>
/// <param name="ReadyMs">Milliseconds from before the process was started until its host was ready.</param>
/// <param name="FirstUs">Microseconds of the first prediction.</param>
/// <param name="HundredthUs">Microseconds of the hundredth.</param>
/// <param name="EvictedUs">Microseconds of a later one, before which others have used the processor's caches.</param>
/// <param name="CompiledMethods">Methods that were compiled during the first.</param>
/// <param name="CompilingUs">Microseconds that this took, on all threads.</param>
internal sealed record ColdStart(
    double ReadyMs, double FirstUs, double HundredthUs, double EvictedUs, long CompiledMethods, double CompilingUs);
