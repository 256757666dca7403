using System.Globalization;

namespace MlServe.Benchmarks.Load;

/// <summary>What stood still during a run for reasons that are not the model's.</summary>
/// <param name="PauseMs">How long garbage collections stopped the process.</param>
/// <param name="StolenMs">How long other virtual machines had the cores that this one wanted, over all cores.</param>
internal readonly record struct Disturbance(double PauseMs, double StolenMs)
{
    public Disturbance And(OpenLoadResult result) => new(PauseMs + result.PauseMs, StolenMs + result.StolenMs);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"garbage collections stopped the process for {PauseMs:0} ms; other virtual machines took {StolenMs:0} ms of the cores");
}
