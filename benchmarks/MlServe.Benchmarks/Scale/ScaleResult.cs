using System.Globalization;

namespace MlServe.Benchmarks.Scale;

/// <summary>What a host with many models has shown.</summary>
/// <param name="Models">The models.</param>
/// <param name="Ready">From the start of the host until all were ready.</param>
/// <param name="Answered">Requests that were answered.</param>
/// <param name="Failed">Requests that were not, by status.</param>
/// <param name="Asked">Models that were asked at least once.</param>
/// <param name="Elapsed">How long callers asked.</param>
/// <param name="P50Ms">The median latency in milliseconds.</param>
/// <param name="P99Ms">The 99th percentile in milliseconds.</param>
/// <param name="BeforeMiB">The working set when a fifth of the time was over, in MiB.</param>
/// <param name="AfterMiB">The working set at the end.</param>
internal sealed record ScaleResult(
    int Models, TimeSpan Ready, long Answered, IReadOnlyDictionary<string, int> Failed, int Asked, TimeSpan Elapsed, double P50Ms,
    double P99Ms, double BeforeMiB, double AfterMiB)
{
    private const double Share = 1.05;

    /// <summary>What is wrong; null: nothing.</summary>
    public string? Problem =>
        Failed.Count > 0 ? $"not all were answered: {string.Join(", ", Failed.Select(static pair => $"{pair.Value} {pair.Key}"))}"
        : AfterMiB > BeforeMiB * Share ? string.Create(
            CultureInfo.InvariantCulture, $"the working set grew under load from {BeforeMiB:0} to {AfterMiB:0} MiB")
        : null;

    public string Text => string.Create(
        CultureInfo.InvariantCulture,
        $"{Models} models ready after {Ready.TotalSeconds:0.0} s; {Answered} answers of {Asked} models in {Elapsed.TotalSeconds:0} s, "
            + $"{Answered / Elapsed.TotalSeconds:0} a second, p50 {P50Ms:0.00} ms, p99 {P99Ms:0.00} ms; "
            + $"working set {BeforeMiB:0} MiB, at the end {AfterMiB:0} MiB: {Problem ?? "all answered, memory flat"}");
}
