using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// Measures how much one core can compute at most, by multiplications and additions on registers alone. The speed of a model is given as a
/// share of it. A few hundredths of a second, once a process.
/// </summary>
internal static class CorePeak
{
    private const int Steps = 20_000;
    private const int Tries = 12;

    // As many as the instructions that are under way at once: two a cycle, four to six cycles each.
    private const int Accumulators = 12;
    private const double Giga = 1e9;

    private static readonly Lazy<(double? Float, double? Integer)> Measured = new(Measure);

    /// <summary>
    /// FP32 operations a second in thousand millions, a multiplication and an addition counted as two; null if there is no such
    /// instruction.
    /// </summary>
    public static double? Float => Measured.Value.Float;

    /// <summary>The same of 8-bit integers with 32-bit sums.</summary>
    public static double? Integer => Measured.Value.Integer;

    /// <summary>One instruction of one width that multiplies and adds.</summary>
    private interface IStep<T>
        where T : struct
    {
        static abstract T Next(T sum, T left, T right);

        static abstract float Total(T sum);
    }

    private static (double? Float, double? Integer) Measure()
    {
        double? floats = null, integers = null;
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
            floats = Best<Floats512, Vector512<float>>(Vector512.Create(0.999f), Vector512.Create(0.001f), 2 * Vector512<float>.Count);
        else if (Fma.IsSupported)
            floats = Best<Floats256, Vector256<float>>(Vector256.Create(0.999f), Vector256.Create(0.001f), 2 * Vector256<float>.Count);
        else if (AdvSimd.IsSupported)
            floats = Best<FloatsArm, Vector128<float>>(Vector128.Create(0.999f), Vector128.Create(0.001f), 2 * Vector128<float>.Count);

        // VPDPBUSD does four times the multiplications of a fused multiply-add of the same width, as often (uops.info, for Ice Lake and
        // later and Zen 4 and later). .NET has it for 256 bits only.
        if (AvxVnni.IsSupported)
            integers = Best<Integers256, Vector256<int>>(
                Vector256.Create((byte)3).AsInt32(), Vector256.Create((byte)5).AsInt32(), 2 * Vector256<byte>.Count);
        if (Processor.Current == CpuTarget.X86Vnni && Avx512F.IsSupported && floats is { } wide)
            integers = Math.Max(integers ?? 0, 4 * wide);
        if (Dp.IsSupported)
            integers = Best<IntegersArm, Vector128<int>>(
                Vector128.Create((byte)3).AsInt32(), Vector128.Create((byte)5).AsInt32(), 2 * Vector128<byte>.Count);
        return (floats, integers);
    }

    private static double Best<TStep, T>(T left, T right, int operations)
        where TStep : IStep<T>
        where T : struct
    {
        Func<double> now = ThreadClock.IsAvailable ? ThreadClock.Seconds : ThreadClock.WallSeconds;
        var least = double.PositiveInfinity;
        var sum = 0f;
        for (var i = 0; i < Tries; i++)
        {
            var started = now();
            sum += Run<TStep, T>(Steps, left, right);
            least = Math.Min(least, now() - started);
        }

        GC.KeepAlive(sum);
        return (double)Steps * Accumulators * operations / least / Giga;
    }

    /// <summary>
    /// A loop with nothing but the instruction, once for each accumulator, all in registers. Types are known when it is compiled, and the
    /// step is written into it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Run<TStep, T>(int steps, T left, T right)
        where TStep : IStep<T>
        where T : struct
    {
        T a = right, b = right, c = right, d = right, e = right, f = right, g = right, h = right, i = right, j = right, k = right,
            l = right;
        for (var step = 0; step < steps; step++)
        {
            a = TStep.Next(a, left, right);
            b = TStep.Next(b, left, right);
            c = TStep.Next(c, left, right);
            d = TStep.Next(d, left, right);
            e = TStep.Next(e, left, right);
            f = TStep.Next(f, left, right);
            g = TStep.Next(g, left, right);
            h = TStep.Next(h, left, right);
            i = TStep.Next(i, left, right);
            j = TStep.Next(j, left, right);
            k = TStep.Next(k, left, right);
            l = TStep.Next(l, left, right);
        }

        return TStep.Total(a) + TStep.Total(b) + TStep.Total(c) + TStep.Total(d) + TStep.Total(e) + TStep.Total(f)
            + TStep.Total(g) + TStep.Total(h) + TStep.Total(i) + TStep.Total(j) + TStep.Total(k) + TStep.Total(l);
    }

    private readonly struct Floats512 : IStep<Vector512<float>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Next(Vector512<float> sum, Vector512<float> left, Vector512<float> right) =>
            Avx512F.FusedMultiplyAdd(sum, left, right);

        public static float Total(Vector512<float> sum) => Vector512.Sum(sum);
    }

    private readonly struct Floats256 : IStep<Vector256<float>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Next(Vector256<float> sum, Vector256<float> left, Vector256<float> right) =>
            Fma.MultiplyAdd(sum, left, right);

        public static float Total(Vector256<float> sum) => Vector256.Sum(sum);
    }

    private readonly struct FloatsArm : IStep<Vector128<float>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Next(Vector128<float> sum, Vector128<float> left, Vector128<float> right) =>
            AdvSimd.FusedMultiplyAdd(right, sum, left);

        public static float Total(Vector128<float> sum) => Vector128.Sum(sum);
    }

    private readonly struct Integers256 : IStep<Vector256<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Next(Vector256<int> sum, Vector256<int> left, Vector256<int> right) =>
            AvxVnni.MultiplyWideningAndAdd(sum, left.AsByte(), right.AsSByte());

        public static float Total(Vector256<int> sum) => Vector256.Sum(sum);
    }

    private readonly struct IntegersArm : IStep<Vector128<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Next(Vector128<int> sum, Vector128<int> left, Vector128<int> right) =>
            Dp.DotProduct(sum, left.AsSByte(), right.AsSByte());

        public static float Total(Vector128<int> sum) => Vector128.Sum(sum);
    }
}
