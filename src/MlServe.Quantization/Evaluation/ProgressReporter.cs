namespace MlServe.Quantization.Evaluation;

/// <summary>Tells how far the work is, never backwards, and ends it if it was cancelled.</summary>
internal sealed class ProgressReporter(IProgress<QuantizationProgress>? progress, CancellationToken cancellationToken)
{
    // Where each stage begins. A guess: calibrating and searching take most of the time.
    private static readonly double[] Begins = [0, 0.03, 0.08, 0.4, 0.45, 0.55, 0.97, 1];

    private QuantizationStage _stage;
    private double _share;

    /// <summary>The share of the whole that is done, 0 to 1.</summary>
    public double Share => _share;

    /// <param name="stage">The stage.</param>
    /// <param name="part">The share of it that is done.</param>
    /// <param name="message">The current work.</param>
    public void Report(QuantizationStage stage, double part, string message)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (stage > _stage) _stage = stage;
        var begin = Begins[(int)stage];
        _share = Math.Max(_share, begin + (Math.Clamp(part, 0, 1) * (Begins[(int)stage + 1] - begin)));
        progress?.Report(new(_stage, _share, message));
        cancellationToken.ThrowIfCancellationRequested();
    }
}
