namespace MlServe.Quantization;

/// <summary>For which processors integer operators are written: it decides the types of activations and weights.</summary>
public enum CpuTarget
{
    /// <summary>The processor of this process.</summary>
    Auto = 0,

    /// <summary>x86 with VNNI (Intel since Ice Lake, AMD since Zen 4): unsigned activations, signed 8-bit weights.</summary>
    X86Vnni,

    /// <summary>
    /// x86 without VNNI: unsigned activations, signed weights of 7 bits, because two products of 8 bits would overflow 16.
    /// </summary>
    X86,

    /// <summary>ARM: signed activations, signed 8-bit weights.</summary>
    Arm,
}
