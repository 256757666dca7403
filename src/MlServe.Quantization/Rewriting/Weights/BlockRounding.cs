using System.Numerics.Tensors;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>
/// Rounds each row of a matrix in blocks of some elements with a scale each, in the layout of MatMulNBits. Elements of 8 bits lie around
/// the middle of 128. Two elements of 4 bits share a byte, the first in its low half. Each block of these has a zero point, packed in the
/// same way.
/// </summary>
internal sealed class BlockRounding(int rows, int columns, int block, int bits)
{
    private const int Middle = 128;
    private const float SmallestNormal = 1.17549435e-38f;

    public int Blocks { get; } = (columns + block - 1) / block;

    public byte[] Values { get; private set; } = [];

    public float[] Scales { get; private set; } = [];

    /// <summary>The zero points; null if all lie in the middle.</summary>
    public byte[]? Zeros { get; private set; }

    /// <summary>Rounds the matrix; false if it has an element that is no number.</summary>
    public bool TryRound(ReadOnlySpan<float> matrix)
    {
        Values = new byte[checked(rows * (Blocks * block * bits / 8))];
        Scales = new float[checked(rows * Blocks)];
        var zerosOfRow = (Blocks + 1) / 2;
        if (bits == 4) Zeros = new byte[rows * zerosOfRow];
        Span<float> levels = stackalloc float[block];
        for (var row = 0; row < rows; row++)
        {
            for (var number = 0; number < Blocks; number++)
            {
                var start = number * block;
                var part = matrix.Slice((row * columns) + start, Math.Min(block, columns - start));
                var index = (row * Blocks) + number;
                if (Scale(part) is not var (scale, zero)) return false;
                Scales[index] = scale;
                levels.Fill(zero);
                var used = levels[..part.Length];
                TensorPrimitives.Divide(part, scale, used);
                TensorPrimitives.Round(used, used);
                TensorPrimitives.Add(used, zero, used);
                TensorPrimitives.Clamp<float>(used, 0, (1 << bits) - 1, used);
                if (bits == 4) Zeros![(row * zerosOfRow) + (number / 2)] |= (byte)((int)zero << (number % 2 * 4));
                Pack(levels, Values.AsSpan(index * (block * bits / 8), block * bits / 8));
            }
        }

        return true;
    }

    private (float Scale, float Zero)? Scale(ReadOnlySpan<float> part)
    {
        if (bits == 8)
        {
            var largest = Math.Abs(TensorPrimitives.MaxMagnitude(part));
            if (!float.IsFinite(largest)) return null;
            return (Usable(largest / (Middle - 1)), Middle);
        }

        var least = Math.Min(0, TensorPrimitives.Min(part));
        var most = Math.Max(0, TensorPrimitives.Max(part));
        const int Levels = 15;
        var scale = (most / Levels) - (least / Levels);
        if (!float.IsFinite(least) || !float.IsFinite(most) || !float.IsFinite(scale)) return null;
        scale = Usable(scale);
        return (scale, Math.Clamp(MathF.Round(-least / scale), 0, Levels));
    }

    private void Pack(ReadOnlySpan<float> levels, Span<byte> target)
    {
        if (bits == 8)
        {
            for (var i = 0; i < target.Length; i++)
                target[i] = (byte)levels[i];
        }
        else
        {
            for (var i = 0; i < target.Length; i++)
                target[i] = (byte)((int)levels[2 * i] | ((int)levels[(2 * i) + 1] << 4));
        }
    }

    private static float Usable(float scale) => scale < SmallestNormal ? 1 : scale;
}
