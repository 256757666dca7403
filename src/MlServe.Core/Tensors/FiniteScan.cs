using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MlServe.Tensors;

/// <summary>
/// Looks for NaN and infinities in tensors of any type. All four formats of floating point have them if all bits of the exponent are set.
/// Adding the lowest of these then carries into the sign. An empty tensor has none.
/// </summary>
internal static class FiniteScan
{
    /// <summary>Whether a type has values that are not finite.</summary>
    public static bool Knows(ElementType type) =>
        type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;

    /// <summary>The position of the first element that is neither finite nor allowed; -1 if there is none.</summary>
    /// <param name="type">The type of the elements.</param>
    /// <param name="bytes">The elements.</param>
    /// <param name="allowed">The kinds that may be among them.</param>
    public static int IndexOf(ElementType type, ReadOnlySpan<byte> bytes, NonFiniteValues allowed = NonFiniteValues.None)
    {
        if (allowed == NonFiniteValues.All) return -1;
        return type switch
        {
            ElementType.Float => IndexOf(MemoryMarshal.Cast<byte, uint>(bytes), Float, allowed),
            ElementType.Double => IndexOf(MemoryMarshal.Cast<byte, ulong>(bytes), Double, allowed),
            ElementType.Float16 => IndexOf(MemoryMarshal.Cast<byte, ushort>(bytes), Half, allowed),
            ElementType.BFloat16 => IndexOf(MemoryMarshal.Cast<byte, ushort>(bytes), Brain, allowed),
            _ => -1,
        };
    }

    /// <summary>The kinds that are among the elements.</summary>
    public static NonFiniteValues KindsOf(ElementType type, ReadOnlySpan<byte> bytes)
    {
        var found = NonFiniteValues.None;
        while (found != NonFiniteValues.All && IndexOf(type, bytes, found) is >= 0 and var index)
            found |= KindOf(type, bytes, index);
        return found;
    }

    /// <summary>The kind of one element.</summary>
    public static NonFiniteValues KindOf(ElementType type, ReadOnlySpan<byte> bytes, int index) => type switch
    {
        ElementType.Float => KindOf(MemoryMarshal.Cast<byte, uint>(bytes)[index], Float),
        ElementType.Double => KindOf(MemoryMarshal.Cast<byte, ulong>(bytes)[index], Double),
        ElementType.Float16 => KindOf(MemoryMarshal.Cast<byte, ushort>(bytes)[index], Half),
        ElementType.BFloat16 => KindOf(MemoryMarshal.Cast<byte, ushort>(bytes)[index], Brain),
        _ => NonFiniteValues.None,
    };

    private static Format<uint> Float => new(0x0080_0000, 0x7F80_0000);

    private static Format<ulong> Double => new(0x0010_0000_0000_0000, 0x7FF0_0000_0000_0000);

    private static Format<ushort> Half => new(0x0400, 0x7C00);

    private static Format<ushort> Brain => new(0x0080, 0x7F80);

    private static int IndexOf<T>(ReadOnlySpan<T> words, Format<T> format, NonFiniteValues allowed)
        where T : unmanaged, IBinaryInteger<T>
    {
        // Most tensors are finite, and that is told the fastest.
        if (!ContainsAny(words, format)) return -1;
        var scalarFrom = allowed == NonFiniteValues.None ? 0 : SkipAllowed(words, format, allowed);
        for (var i = scalarFrom; i < words.Length; i++)
        {
            if ((KindOf(words[i], format) & ~allowed) != NonFiniteValues.None) return i;
        }

        return -1;
    }

    private static bool ContainsAny<T>(ReadOnlySpan<T> words, Format<T> format)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (Vector512.IsHardwareAccelerated && words.Length >= Vector512<T>.Count) return ContainsAny512(words, format);
        if (words.Length >= Vector256<T>.Count) return ContainsAny256(words, format);
        foreach (var word in words)
        {
            if (KindOf(word, format) != NonFiniteValues.None) return true;
        }

        return false;
    }

    /// <summary>
    /// The elements before the first that lies at a multiple of so many bytes; less than a vector's. If that moves meanwhile, only time
    /// is lost.
    /// </summary>
    private static unsafe nuint ToAligned<T>(ref T first, int bytes)
        where T : unmanaged
    {
        var behind = (nuint)Unsafe.AsPointer(ref first) & ((nuint)bytes - 1);
        return behind == 0 ? 0 : ((nuint)bytes - behind) / (nuint)sizeof(T);
    }

    private static bool ContainsAny512<T>(ReadOnlySpan<T> words, Format<T> format)
        where T : unmanaged, IBinaryInteger<T>
    {
        ref var first = ref MemoryMarshal.GetReference(words);
        var (step, length) = ((nuint)Vector512<T>.Count, (nuint)words.Length);
        var carry = Vector512.Create(format.LowestOfExponent);

        // The first ones by themselves, and from then on whole lines of the processor's cache: a load across two of them costs two.
        var head = Vector512.LoadUnsafe(ref first);
        var at = ToAligned(ref first, Vector512<byte>.Count);
        var (one, two, three, four) = ((head + carry) ^ head, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        for (; at + (4 * step) <= length; at += 4 * step)
        {
            var (a, b) = (Vector512.LoadUnsafe(ref first, at), Vector512.LoadUnsafe(ref first, at + step));
            var (c, d) = (Vector512.LoadUnsafe(ref first, at + (2 * step)), Vector512.LoadUnsafe(ref first, at + (3 * step)));
            one |= (a + carry) ^ a;
            two |= (b + carry) ^ b;
            three |= (c + carry) ^ c;
            four |= (d + carry) ^ d;
        }

        for (; at + step <= length; at += step)
        {
            var rest = Vector512.LoadUnsafe(ref first, at);
            one |= (rest + carry) ^ rest;
        }

        // Some of the last ones are looked at twice.
        var last = Vector512.LoadUnsafe(ref first, length - step);
        return (one | two | three | four | ((last + carry) ^ last)).ExtractMostSignificantBits() != 0;
    }

    private static bool ContainsAny256<T>(ReadOnlySpan<T> words, Format<T> format)
        where T : unmanaged, IBinaryInteger<T>
    {
        ref var first = ref MemoryMarshal.GetReference(words);
        var (step, length) = ((nuint)Vector256<T>.Count, (nuint)words.Length);
        var carry = Vector256.Create(format.LowestOfExponent);

        // The first ones by themselves, and from then on whole lines of the processor's cache: a load across two of them costs two.
        var head = Vector256.LoadUnsafe(ref first);
        var at = ToAligned(ref first, Vector256<byte>.Count);
        var (one, two, three, four) = ((head + carry) ^ head, Vector256<T>.Zero, Vector256<T>.Zero, Vector256<T>.Zero);
        for (; at + (4 * step) <= length; at += 4 * step)
        {
            var (a, b) = (Vector256.LoadUnsafe(ref first, at), Vector256.LoadUnsafe(ref first, at + step));
            var (c, d) = (Vector256.LoadUnsafe(ref first, at + (2 * step)), Vector256.LoadUnsafe(ref first, at + (3 * step)));
            one |= (a + carry) ^ a;
            two |= (b + carry) ^ b;
            three |= (c + carry) ^ c;
            four |= (d + carry) ^ d;
        }

        for (; at + step <= length; at += step)
        {
            var rest = Vector256.LoadUnsafe(ref first, at);
            one |= (rest + carry) ^ rest;
        }

        var last = Vector256.LoadUnsafe(ref first, length - step);
        return (one | two | three | four | ((last + carry) ^ last)).ExtractMostSignificantBits() != 0;
    }

    /// <summary>Passes over whole vectors without anything that is forbidden: a mask may be full of allowed values.</summary>
    /// <returns>The place from which on to look closely.</returns>
    private static int SkipAllowed<T>(ReadOnlySpan<T> words, Format<T> format, NonFiniteValues allowed)
        where T : unmanaged, IBinaryInteger<T>
    {
        var (positive, nan) = (Vector256.Create(format.Infinity), Vector256.Create(format.Infinity << 1));
        var negative = Vector256.Create(format.Infinity | format.Sign);
        var (none, all) = (Vector256<T>.Zero, Vector256<T>.AllBitsSet);
        var mayNaN = allowed.HasFlag(NonFiniteValues.NaN) ? none : all;
        var mayPositive = allowed.HasFlag(NonFiniteValues.PositiveInfinity) ? none : all;
        var mayNegative = allowed.HasFlag(NonFiniteValues.NegativeInfinity) ? none : all;
        var at = 0;
        for (; at + Vector256<T>.Count <= words.Length; at += Vector256<T>.Count)
        {
            var some = Vector256.Create(words.Slice(at, Vector256<T>.Count));
            var forbidden = (Vector256.GreaterThan(some + some, nan) & mayNaN) | (Vector256.Equals(some, positive) & mayPositive)
                | (Vector256.Equals(some, negative) & mayNegative);
            if (forbidden != none) return at;
        }

        return at;
    }

    private static NonFiniteValues KindOf<T>(T word, Format<T> format)
        where T : unmanaged, IBinaryInteger<T>
    {
        if ((word & format.Infinity) != format.Infinity) return NonFiniteValues.None;
        if (word == format.Infinity) return NonFiniteValues.PositiveInfinity;
        return word == (format.Infinity | format.Sign) ? NonFiniteValues.NegativeInfinity : NonFiniteValues.NaN;
    }

    /// <param name="LowestOfExponent">The lowest bit of the exponent.</param>
    /// <param name="Infinity">All bits of the exponent.</param>
    private readonly record struct Format<T>(T LowestOfExponent, T Infinity)
        where T : unmanaged, IBinaryInteger<T>
    {
        public T Sign => Infinity + LowestOfExponent;
    }
}
