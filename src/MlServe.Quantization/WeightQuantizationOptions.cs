using System.Numerics;

namespace MlServe.Quantization;

/// <summary>How the weights of a model are made smaller.</summary>
public sealed class WeightQuantizationOptions
{
    private const int SmallestBlock = 16;
    private const int LargestBlock = 256;

    /// <summary>
    /// <see cref="QuantizationMethod.Int8Storage"/>, <see cref="QuantizationMethod.Fp16Storage"/>, <see cref="QuantizationMethod.NBits8"/>
    /// or <see cref="QuantizationMethod.NBits4"/>. Default: <see cref="QuantizationMethod.Int8Storage"/>, a quarter of the size at the
    /// speed of FP32.
    /// </summary>
    public QuantizationMethod Method { get; set; } = QuantizationMethod.Int8Storage;

    /// <summary>
    /// Whether each output channel has a scale of its own, if the method is Int8Storage. Default: true, because it is more accurate.
    /// </summary>
    public bool PerChannel { get; set; } = true;

    /// <summary>
    /// Elements of a row that share a scale, if the method is NBits8 or NBits4: 16, 32, 64, 128 or 256. Default: 128, the faster choice;
    /// 32 is more accurate.
    /// </summary>
    public int BlockSize { get; set; } = 128;

    /// <summary>
    /// Multiplications a row below which a node stays FP32, 0 or more, if the method is NBits8 or NBits4. Default: 65,536: below,
    /// nothing is gained.
    /// </summary>
    public long MinMultiplications { get; set; } = 65_536;

    /// <summary>Nodes whose weights stay FP32, by name, or by the name of their first output if they have none. Default: none.</summary>
    public IList<string> ExcludedNodes { get; set; } = [];

    /// <summary>How the model is preprocessed. Default: all that <see cref="PreprocessingOptions"/> does by default.</summary>
    public PreprocessingOptions Preprocessing { get; set; } = new();

    /// <summary>Names the faults of the values: one message each, none if there are no faults.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate()
    {
        if (Method is not (QuantizationMethod.Int8Storage or QuantizationMethod.Fp16Storage or QuantizationMethod.NBits8
            or QuantizationMethod.NBits4))
            yield return $"{nameof(Method)} is {Method}; it must be Int8Storage, Fp16Storage, NBits8 or NBits4.";
        if (BlockSize is < SmallestBlock or > LargestBlock || !BitOperations.IsPow2(BlockSize))
            yield return $"{nameof(BlockSize)} is {BlockSize}; it must be 16, 32, 64, 128 or 256.";
        if (MinMultiplications < 0) yield return $"{nameof(MinMultiplications)} is {MinMultiplications}; it must be 0 or more.";
        if (ExcludedNodes is null) yield return $"{nameof(ExcludedNodes)} is null; it must be a list.";
        if (Preprocessing is null) yield return $"{nameof(Preprocessing)} is null; it must be given.";
    }
}
