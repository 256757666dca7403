namespace MlServe.Onnx.Probing;

/// <summary>
/// In which company rows are tried. A model that mixes rows often does so only under a condition, so the conditions are varied. They are
/// scale and sign, one large row beside small ones, all rows large, one large element, and the place in the batch. Others are the number of
/// rows, and the values of inputs that all rows share.
/// </summary>
internal sealed class TrialScenes(RowTemplate template, int samples)
{
    /// <summary>Elements of all rows of a scene; larger ones are cut to what fits, or left out.</summary>
    private const long MaxElements = 32 * 1024 * 1024;

    private static readonly double[] CoarseScales = [1e-6, 1e-3, 1e3, 1e6];
    private static readonly double[] Scales = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6];
    private static readonly double[] SpikeHeights = [1e6, -1e6, 30, -30];
    private static readonly int[] Sizes = [3, 5, 8, 17];
    private static readonly int[] LargeSizes = [33, 64];
    private static readonly RowKind[] Signs = [RowKind.Positive, RowKind.Signed, RowKind.Negative];

    private const int SpikePositions = 8;

    private bool VariesMagnitude => template.HasMagnitudes || template.HasLargeIntegers;

    /// <summary>The least that shows an axis: two rows.</summary>
    public IEnumerable<TrialScene> ForAxes() => [new([Base(0), Base(1)])];

    /// <summary>
    /// The scenes that show rounding: kernels for other sizes add in another order, and the size of that effect depends on the numbers. It
    /// is largest in rows of padding and in rows of one number, because normalization divides by next to nothing there.
    /// </summary>
    public IEnumerable<TrialScene> ForRounding()
    {
        RowPattern[] rows = template.HasMagnitudes
            ? [Base(0), new(RowKind.Signed, 1e3), new(RowKind.Signed, 1e-3), new(RowKind.Padded, 1), new(RowKind.Constant, 1)]
            : [Base(0), Base(1), new(RowKind.Padded, 1), new(RowKind.Padded, 1, 1), new(RowKind.Constant, 1)];
        yield return Fits(rows.Length) ? new(rows) : new([Base(0), Base(1)]);
        if (Fits(16)) yield return new(Cycle(rows, 16), IsEssential: false);
    }

    /// <summary>The scenes that show whether rows depend on each other.</summary>
    public IEnumerable<TrialScene> ForEvidence()
    {
        return First()
            .Concat(Sizes.Select(size => new TrialScene(Cycle(Bases(), size))))
            .Concat(Shared())
            .Concat(Further())
            .Where(scene => Fits(scene.Rows.Count));
    }

    private IEnumerable<TrialScene> First()
    {
        yield return new([Base(0), Base(1)]);
        yield return new([Base(1), Base(0)]);
        if (samples > 2) yield return new([.. Enumerable.Range(0, samples).Select(Base)]);
        yield return new([new(RowKind.Signed, 1), new(RowKind.Signed, 1, 1)]);

        var mixed = Mixed();
        yield return new(mixed);
        yield return new([.. mixed.Reverse()]);
        if (!VariesMagnitude) yield break;
        foreach (var scale in CoarseScales)
        {
            yield return Alike(RowKind.Signed, scale);
            yield return Alike(RowKind.Positive, scale);
            yield return Beside(RowKind.Signed, scale);
        }

        yield return Alike(RowKind.Negative, 1);
    }

    private IEnumerable<TrialScene> Shared()
    {
        for (var variant = 1; variant < template.SharedVariants; variant++)
        {
            yield return new([new(RowKind.Positive, 1, Variant: variant), new(RowKind.Positive, 1, 1, Variant: variant)]);
            yield return new([.. Mixed()
                .Where(static row => row.Kind != RowKind.Given)
                .Take(4)
                .Select(row => row with { Variant = variant })]);
        }
    }

    private IEnumerable<TrialScene> Further()
    {
        foreach (var scale in VariesMagnitude ? Scales : [])
        {
            foreach (var sign in Signs)
            {
                yield return Alike(sign, scale) with { IsEssential = false };
                yield return Beside(sign, scale) with { IsEssential = false };
            }
        }

        for (var position = 0; position < SpikePositions; position++)
        {
            foreach (var height in VariesMagnitude ? SpikeHeights : [1])
                yield return new([Base(0), new(RowKind.Spike, height, 0, (position + 0.5) / SpikePositions), Base(1)], IsEssential: false);
        }

        foreach (var size in LargeSizes)
            yield return new(Cycle(Bases(), size), IsEssential: false);
    }

    private static TrialScene Alike(RowKind kind, double scale) => new([new(kind, scale), new(kind, scale, 1)]);

    private TrialScene Beside(RowKind kind, double scale) => new([Base(0), new(kind, scale), Base(1), new(kind, scale, 1)]);

    private RowPattern[] Mixed() => VariesMagnitude
        ?
        [
            Base(0), new(RowKind.Signed, 1e3), new(RowKind.Signed, 1e-3), new(RowKind.Zero, 1), new(RowKind.Signed, 1e6), Base(1),
            new(RowKind.Spike, 1e6), new(RowKind.Spike, -1e6, 0, 0.999), new(RowKind.Padded, 1), new(RowKind.Constant, 1),
            new(RowKind.Signed, 1e-6),
        ]
        :
        [
            Base(0), new(RowKind.Padded, 1), new(RowKind.Zero, 1), Base(1), new(RowKind.Constant, 1), new(RowKind.Padded, 1, 1),
            new(RowKind.Spike, 1), new(RowKind.Spike, 1, 0, 0.999), new(RowKind.Constant, 1, 1),
        ];

    private RowPattern[] Bases() => [Base(0), Base(1), new(RowKind.Signed, 1), new(RowKind.Signed, 1, 1), new(RowKind.Positive, 1, 2)];

    /// <summary>The user's own rows if there are any, and made-up ones beside them: a row is never its own company.</summary>
    private RowPattern Base(int index) => index < samples ? new(RowKind.Given, 1, index) : new(RowKind.Positive, 1, index);

    private static RowPattern[] Cycle(RowPattern[] rows, int count) => [.. Enumerable.Range(0, count).Select(i => rows[i % rows.Length])];

    private bool Fits(int rows) => rows <= 2 || rows * template.ElementsOfRow <= MaxElements;
}
