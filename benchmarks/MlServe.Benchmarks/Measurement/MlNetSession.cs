using Microsoft.ML.OnnxRuntime;

namespace MlServe.Benchmarks.Measurement;

/// <summary>What ML.NET lets one set of the session.</summary>
/// <param name="IntraOpThreads">Threads a run; null: ML.NET's default, a thread a core.</param>
/// <param name="Spins">Whether these threads wait by spinning, which is ML.NET's default.</param>
internal sealed record MlNetSession(int? IntraOpThreads, bool Spins)
{
    public static readonly MlNetSession[] All = [new(null, true), new(null, false), new(1, true), new(1, false)];

    public SessionOptions Create()
    {
        var options = new SessionOptions { InterOpNumThreads = 1, IntraOpNumThreads = IntraOpThreads ?? 0 };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", Spins ? "1" : "0");
        return options;
    }

    public override string ToString() =>
        "intra-op threads " + (IntraOpThreads?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "default")
        + (Spins ? "" : ", not spinning");
}
