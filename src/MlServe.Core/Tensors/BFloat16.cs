using System.Globalization;

namespace MlServe.Tensors;

/// <summary>
/// A 16-bit "brain" float: the upper half of a <see cref="float"/>, with its range and 8 bits of precision. Only a carrier of bits to and
/// from models; arithmetic is done after conversion.
/// </summary>
public readonly struct BFloat16 : IEquatable<BFloat16>
{
    private readonly ushort _bits;

    private BFloat16(ushort bits) => _bits = bits;

    /// <summary>The 16 bits as they stand in a tensor.</summary>
    public ushort Bits => _bits;

    /// <summary>Makes a value of its 16 bits.</summary>
    /// <param name="bits">Sign, 8 bits of exponent, 7 bits of fraction.</param>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>Rounds to the nearest value, ties to even; NaN stays NaN.</summary>
    /// <param name="value">The number to round.</param>
    public static explicit operator BFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return new((ushort)((bits >> 16) | 0x40));

        // Adding half of the last kept place, less one when that place is even, rounds ties to even; an overflow carries into infinity.
        return new((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }

    /// <summary>Widens without loss.</summary>
    /// <param name="value">The number to widen.</param>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value._bits << 16);

    /// <summary>Rounds to the nearest value, ties to even; NaN stays NaN.</summary>
    /// <param name="value">The number to round.</param>
    public static BFloat16 FromSingle(float value) => (BFloat16)value;

    /// <summary>Widens without loss.</summary>
    public float ToSingle() => this;

    /// <summary>Compares the bits: NaN equals itself, and zero differs from minus zero.</summary>
    /// <param name="other">The value to compare with.</param>
    public bool Equals(BFloat16 other) => _bits == other._bits;

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => _bits;

    /// <summary>Compares the bits.</summary>
    /// <param name="left">One value.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(BFloat16 left, BFloat16 right) => left.Equals(right);

    /// <summary>Compares the bits.</summary>
    /// <param name="left">One value.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !left.Equals(right);

    /// <inheritdoc />
    public override string ToString() => ToSingle().ToString(CultureInfo.InvariantCulture);
}
