namespace MlServe.Quantization.Evaluation;

/// <summary>
/// In which order nodes are left out: first those that give back most noise for the time that they cost as FP32. A node that saves no time
/// quantized is left out for nothing, however little it harms.
/// </summary>
internal static class ExclusionOrder
{
    // Of the source's time. What is saved is not known more exactly, and nothing is for nothing twice.
    private const double LeastSaving = 0.003;

    /// <param name="nodes">The effect of each node alone.</param>
    /// <param name="fp32">How much faster FP32 with its exact rewrites is than the source.</param>
    public static IEnumerable<string> Of(IReadOnlyList<NodeSensitivity> nodes, double fp32) =>
        nodes.OrderByDescending(node => Noise(node) / Saving(node, fp32))
            .ThenBy(static node => node.Node, StringComparer.Ordinal)
            .Select(static node => node.Node);

    /// <summary>The power of the noise against the signal's; noises of nodes add up about so.</summary>
    private static double Noise(NodeSensitivity node) => Math.Pow(10, -node.SnrDb / 10);

    private static double Saving(NodeSensitivity node, double fp32) =>
        node.Speed is { } speed ? Math.Max(LeastSaving, (1 / fp32) - (1 / speed)) : 1;
}
