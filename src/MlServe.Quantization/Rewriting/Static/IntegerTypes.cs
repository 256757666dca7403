using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>The integers that a processor multiplies fastest.</summary>
/// <param name="Activation">The type of activations.</param>
/// <param name="Low">The least integer of an activation.</param>
/// <param name="High">The greatest integer of an activation.</param>
/// <param name="WeightHigh">The greatest integer of a weight; the least is its negative.</param>
internal sealed record IntegerTypes(DataType Activation, int Low, int High, int WeightHigh)
{
    // Without VNNI two products of unsigned and signed bytes are added in 16 bits: 2 * 255 * 64 still fits, 2 * 255 * 127 does not.
    private const int SevenBits = 64;

    public static IntegerTypes For(CpuTarget target) => target switch
    {
        CpuTarget.X86Vnni => new(DataType.Uint8, 0, 255, sbyte.MaxValue),
        CpuTarget.X86 => new(DataType.Uint8, 0, 255, SevenBits),
        CpuTarget.Arm => new(DataType.Int8, sbyte.MinValue, sbyte.MaxValue, sbyte.MaxValue),
        _ => throw new QuantizationException(QuantizationFailure.InvalidOptions, $"A plan names one processor, not '{target}'."),
    };
}
