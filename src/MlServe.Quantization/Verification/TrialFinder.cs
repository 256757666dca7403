using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Verification;

/// <summary>
/// Finds inputs that a source takes: the samples, then other lengths of its open axes and other values, each only if the source takes
/// it.
/// </summary>
internal sealed class TrialFinder(GraphSession source, IReadOnlyList<EncodedSample> samples, int seed)
{
    // Axes that are varied beyond the rows; what has more has them alike.
    private const int MaxVariations = 12;

    private readonly TrialShapes _shapes = new(source);

    public delegate bool Taker(TrialInput trial, out string problem);

    /// <summary>Why nothing was found.</summary>
    public string Obstacle { get; private set; } = "";

    /// <param name="take">Runs the source, and says whether it took the inputs.</param>
    /// <param name="maxSamples">How many samples are taken.</param>
    public IEnumerable<TrialInput> Find(Taker take, int maxSamples)
    {
        EncodedSample? first = null;
        Dictionary<string, long>? lengths = null;
        foreach (var sample in samples.Take(maxSamples))
        {
            if (_shapes.Of(sample) is not { } given || Try(given, new("a sample", 0, 0, 1, 1, true), sample, take) is not { } trial)
                continue;
            first ??= sample;
            lengths ??= given;
            yield return trial;
        }

        var begin = lengths;
        if (begin is null)
        {
            if (Begin(take) is not { } found) yield break;
            yield return found.Trial;
            begin = found.Lengths;
        }

        foreach (var kind in TrialValues.Others)
        {
            if (Try(begin, kind, first, take) is { } trial) yield return trial;
        }

        foreach (var other in _shapes.Variations(begin).Take(MaxVariations))
        {
            if (Try(other, TrialValues.Usual[0], first, take) is { } trial) yield return trial;
        }
    }

    private (TrialInput Trial, Dictionary<string, long> Lengths)? Begin(Taker take)
    {
        if (!_shapes.HasOnlyTensors(source))
        {
            Obstacle = "it has inputs that are no tensors, which are not made up";
            return null;
        }

        foreach (var lengths in _shapes.Beginnings())
        {
            foreach (var kind in TrialValues.Usual)
            {
                if (Try(lengths, kind, null, take) is { } trial) return (trial, lengths);
            }
        }

        return null;
    }

    private TrialInput? Try(Dictionary<string, long> lengths, TrialValues.Kind kind, EncodedSample? sample, Taker take)
    {
        if (new TrialValues(source, sample, seed).Make(_shapes.Shapes(lengths), kind) is not { } values)
        {
            if (Obstacle.Length == 0) Obstacle = "it has inputs of a type or a size that is not made up";
            return null;
        }

        var trial = new TrialInput(kind.Label, TrialShapes.Describe(lengths), kind.IsUsual, values);
        if (take(trial, out var problem)) return trial;
        Obstacle = $"the source refuses all inputs that were made up for it, the last with: {problem}";
        trial.Dispose();
        return null;
    }
}
