using System.Runtime.InteropServices;
using MlServe.Benchmarks.Measurement;
using MlServe.Tensors;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>The look at each request's numbers: whether they are finite.</summary>
internal static class FiniteRows
{
    public static readonly Claim Check = Claim.AtMost("finite.check_784_ns", "ns", 20);

    private const int Elements = 784;
    private const int Calls = 1_000_000;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        var image = new float[Elements];
        var random = new Random(1);
        foreach (ref var pixel in image.AsSpan())
            pixel = random.NextSingle();
        var found = false;

        // Called with the place of the request's own memory each time, as a request comes.
        void Look(int calls)
        {
            for (var i = 0; i < calls; i++)
                found |= FiniteScan.IndexOf(ElementType.Float, MemoryMarshal.AsBytes(image.AsSpan())) >= 0;
        }

        var cost = CallCost.Nanoseconds(windows, Look, Calls);
        yield return found
            ? Check.NotAvailable("a number was taken for an infinity")
            : Check.Row(cost, $"{Elements} floats in the processor's cache, all finite");
    }
}
