using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// Measures how much one core can compute at most, by multiplications and additions on registers alone: what the speed of a model is a share of. A few hundredths of a second, once a process.
/// </summary>
internal static class CorePeak
{
    private const int Steps = 20_000;
    private const int Tries = 12;
    private const int Accumulators = 12;
    private const double Giga = 1e9;

    private static readonly Lazy<(double? Float, double? Integer)> Measured = new(Measure);

    /// <summary>FP32 operations a second in thousand millions, a multiplication and an addition counted as two; null where there is no such instruction.</summary>
    public static double? Float => Measured.Value.Float;

    /// <summary>The same of 8-bit integers with 32-bit sums.</summary>
    public static double? Integer => Measured.Value.Integer;

    private static (double? Float, double? Integer) Measure()
    {
        double? floats = null, integers = null;
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported) floats = Best(Floats512, 2 * Vector512<float>.Count);
        else if (Fma.IsSupported) floats = Best(Floats256, 2 * Vector256<float>.Count);
        else if (AdvSimd.IsSupported) floats = Best(FloatsArm, 2 * Vector128<float>.Count);

        // VPDPBUSD does four times the multiplications of a fused multiply-add of the same width, as often (uops.info, for Ice Lake and later and Zen 4 and later). .NET has it for 256 bits only.
        if (AvxVnni.IsSupported) integers = Best(Integers256, 2 * Vector256<byte>.Count);
        if (Processor.Current == CpuTarget.X86Vnni && Avx512F.IsSupported && floats is { } wide) integers = Math.Max(integers ?? 0, 4 * wide);
        if (Dp.IsSupported) integers = Best(IntegersArm, 2 * Vector128<byte>.Count);
        return (floats, integers);
    }

    private static double Best(Func<int, float> work, int operations)
    {
        Func<double> now = ThreadClock.IsAvailable ? ThreadClock.Seconds : ThreadClock.WallSeconds;
        var least = double.PositiveInfinity;
        var sum = 0f;
        for (var i = 0; i < Tries; i++)
        {
            var started = now();
            sum += work(Steps);
            least = Math.Min(least, now() - started);
        }

        GC.KeepAlive(sum);
        return (double)Steps * Accumulators * operations / least / Giga;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Floats512(int steps)
    {
        var (factor, shift) = (Vector512.Create(0.999f), Vector512.Create(0.001f));
        Vector512<float> a = shift, b = shift, c = shift, d = shift, e = shift, f = shift, g = shift, h = shift, i = shift, j = shift, k = shift, l = shift;
        for (var step = 0; step < steps; step++)
        {
            a = Avx512F.FusedMultiplyAdd(a, factor, shift);
            b = Avx512F.FusedMultiplyAdd(b, factor, shift);
            c = Avx512F.FusedMultiplyAdd(c, factor, shift);
            d = Avx512F.FusedMultiplyAdd(d, factor, shift);
            e = Avx512F.FusedMultiplyAdd(e, factor, shift);
            f = Avx512F.FusedMultiplyAdd(f, factor, shift);
            g = Avx512F.FusedMultiplyAdd(g, factor, shift);
            h = Avx512F.FusedMultiplyAdd(h, factor, shift);
            i = Avx512F.FusedMultiplyAdd(i, factor, shift);
            j = Avx512F.FusedMultiplyAdd(j, factor, shift);
            k = Avx512F.FusedMultiplyAdd(k, factor, shift);
            l = Avx512F.FusedMultiplyAdd(l, factor, shift);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Floats256(int steps)
    {
        var (factor, shift) = (Vector256.Create(0.999f), Vector256.Create(0.001f));
        Vector256<float> a = shift, b = shift, c = shift, d = shift, e = shift, f = shift, g = shift, h = shift, i = shift, j = shift, k = shift, l = shift;
        for (var step = 0; step < steps; step++)
        {
            a = Fma.MultiplyAdd(a, factor, shift);
            b = Fma.MultiplyAdd(b, factor, shift);
            c = Fma.MultiplyAdd(c, factor, shift);
            d = Fma.MultiplyAdd(d, factor, shift);
            e = Fma.MultiplyAdd(e, factor, shift);
            f = Fma.MultiplyAdd(f, factor, shift);
            g = Fma.MultiplyAdd(g, factor, shift);
            h = Fma.MultiplyAdd(h, factor, shift);
            i = Fma.MultiplyAdd(i, factor, shift);
            j = Fma.MultiplyAdd(j, factor, shift);
            k = Fma.MultiplyAdd(k, factor, shift);
            l = Fma.MultiplyAdd(l, factor, shift);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float FloatsArm(int steps)
    {
        var (factor, shift) = (Vector128.Create(0.999f), Vector128.Create(0.001f));
        Vector128<float> a = shift, b = shift, c = shift, d = shift, e = shift, f = shift, g = shift, h = shift, i = shift, j = shift, k = shift, l = shift;
        for (var step = 0; step < steps; step++)
        {
            a = AdvSimd.FusedMultiplyAdd(shift, a, factor);
            b = AdvSimd.FusedMultiplyAdd(shift, b, factor);
            c = AdvSimd.FusedMultiplyAdd(shift, c, factor);
            d = AdvSimd.FusedMultiplyAdd(shift, d, factor);
            e = AdvSimd.FusedMultiplyAdd(shift, e, factor);
            f = AdvSimd.FusedMultiplyAdd(shift, f, factor);
            g = AdvSimd.FusedMultiplyAdd(shift, g, factor);
            h = AdvSimd.FusedMultiplyAdd(shift, h, factor);
            i = AdvSimd.FusedMultiplyAdd(shift, i, factor);
            j = AdvSimd.FusedMultiplyAdd(shift, j, factor);
            k = AdvSimd.FusedMultiplyAdd(shift, k, factor);
            l = AdvSimd.FusedMultiplyAdd(shift, l, factor);
        }

        return Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Integers256(int steps)
    {
        var (left, right) = (Vector256.Create((byte)3), Vector256.Create((sbyte)5));
        Vector256<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, i = default, j = default, k = default, l = default;
        for (var step = 0; step < steps; step++)
        {
            a = AvxVnni.MultiplyWideningAndAdd(a, left, right);
            b = AvxVnni.MultiplyWideningAndAdd(b, left, right);
            c = AvxVnni.MultiplyWideningAndAdd(c, left, right);
            d = AvxVnni.MultiplyWideningAndAdd(d, left, right);
            e = AvxVnni.MultiplyWideningAndAdd(e, left, right);
            f = AvxVnni.MultiplyWideningAndAdd(f, left, right);
            g = AvxVnni.MultiplyWideningAndAdd(g, left, right);
            h = AvxVnni.MultiplyWideningAndAdd(h, left, right);
            i = AvxVnni.MultiplyWideningAndAdd(i, left, right);
            j = AvxVnni.MultiplyWideningAndAdd(j, left, right);
            k = AvxVnni.MultiplyWideningAndAdd(k, left, right);
            l = AvxVnni.MultiplyWideningAndAdd(l, left, right);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float IntegersArm(int steps)
    {
        var (left, right) = (Vector128.Create((sbyte)3), Vector128.Create((sbyte)5));
        Vector128<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, i = default, j = default, k = default, l = default;
        for (var step = 0; step < steps; step++)
        {
            a = Dp.DotProduct(a, left, right);
            b = Dp.DotProduct(b, left, right);
            c = Dp.DotProduct(c, left, right);
            d = Dp.DotProduct(d, left, right);
            e = Dp.DotProduct(e, left, right);
            f = Dp.DotProduct(f, left, right);
            g = Dp.DotProduct(g, left, right);
            h = Dp.DotProduct(h, left, right);
            i = Dp.DotProduct(i, left, right);
            j = Dp.DotProduct(j, left, right);
            k = Dp.DotProduct(k, left, right);
            l = Dp.DotProduct(l, left, right);
        }

        return Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
