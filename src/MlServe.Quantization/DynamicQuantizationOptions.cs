namespace MlServe.Quantization;

/// <summary>How a model is quantized without samples.</summary>
public sealed class DynamicQuantizationOptions
{
    /// <summary>The processors that the model is for. Default: <see cref="CpuTarget.Auto"/>, those like the one of this process.</summary>
    public CpuTarget Target { get; set; }

    /// <summary>
    /// Whether each output channel of a weight has a scale of its own. Default: true, because it is more accurate and as fast.
    /// </summary>
    public bool PerChannel { get; set; } = true;

    /// <summary>
    /// Multiplications a row (of an LSTM: a step) below which a node stays FP32, 0 or more. Default: 65,536: a layer of 256 x 256 gains a
    /// little (1.15 times FP32 at one row), one of 128 x 128 loses (0.8).
    /// </summary>
    public long MinMultiplications { get; set; } = 65_536;

    /// <summary>Nodes that stay FP32, by name, or by the name of their first output if they have none. Default: none.</summary>
    public IList<string> ExcludedNodes { get; set; } = [];

    /// <summary>How the model is preprocessed. Default: all that <see cref="PreprocessingOptions"/> does by default.</summary>
    public PreprocessingOptions Preprocessing { get; set; } = new();

    /// <summary>Names the faults of the values: one message each, none if there are no faults.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate()
    {
        if (!Enum.IsDefined(Target))
            yield return $"{nameof(Target)} is {Target}; it must be one of {string.Join(", ", Enum.GetNames<CpuTarget>())}.";
        if (MinMultiplications < 0) yield return $"{nameof(MinMultiplications)} is {MinMultiplications}; it must be 0 or more.";
        if (ExcludedNodes is null) yield return $"{nameof(ExcludedNodes)} is null; it must be a list.";
        if (Preprocessing is null) yield return $"{nameof(Preprocessing)} is null; it must be given.";
    }
}
