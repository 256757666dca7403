using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Tries whether a runtime that is given memory for its outputs writes there what it answers without. The memory is filled with the
/// complement of the expected bytes, which is no rounding of any number. So bytes that were not written cannot pass.
/// </summary>
internal static class PlanTrial
{
    /// <summary>Threads may add in another order; everything else must be equal to the bit.</summary>
    private const double Tolerance = 1e-4;

    /// <summary>An output of one byte may be right by chance, once in 256 runs each.</summary>
    private const int RunsUntilUnwritten = 3;

    /// <param name="outputs">The memory to try; its content is lost.</param>
    /// <param name="options">The options of the runs.</param>
    /// <param name="expected">The answer of a run of the same inputs without bound memory, in the signature's order.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="unwritten">
    /// The outputs that the runtime says to have written to the memory and has not: it has no answer for them.
    /// </param>
    /// <returns>Whether the memory can be relied on.</returns>
    public static bool Holds(LaneOutputs outputs, RunOptions options, IReadOnlyList<OrtValue?> expected, int rows, out int[] unwritten)
    {
        unwritten = [];
        if (!outputs.Plan.Foresees(expected, rows)) return false;
        for (var run = 1; run <= RunsUntilUnwritten; run++)
        {
            Fill(outputs, expected, rows, run);
            outputs.RunUnmarked(options, rows);
            if (run == 1 && Agree(outputs, expected, rows)) return true;
            var found = FindUnwritten(outputs, expected, rows, run);
            unwritten = run == 1 ? found : [.. unwritten.Intersect(found)];
            if (unwritten.Length == 0) break;
        }

        return false;
    }

    private static void Fill(LaneOutputs outputs, IReadOnlyList<OrtValue?> expected, int rows, int run)
    {
        for (var i = 0; i < expected.Count; i++)
        {
            if (outputs.Plan.Outputs[i].Input >= 0) continue;
            var target = outputs.MemoryOf(i, rows);
            var source = expected[i]!.GetTensorDataAsSpan<byte>();
            for (var at = 0; at < target.Length; at++)
                target[at] = PatternOf(source[at], run);
        }
    }

    /// <summary>The complement at first, so that it is far from the expected byte; another byte in each further run.</summary>
    private static byte PatternOf(byte expected, int run) => (byte)(~expected ^ (run - 1));

    private static bool Agree(LaneOutputs outputs, IReadOnlyList<OrtValue?> expected, int rows)
    {
        for (var i = 0; i < expected.Count; i++)
        {
            var memory = outputs.MemoryOf(i, rows);
            if (!Agree(outputs.Plan.Outputs[i].Type, expected[i]!.GetTensorDataAsSpan<byte>()[..memory.Length], memory)) return false;
        }

        return true;
    }

    private static bool Agree(ElementType type, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual) =>
        expected.SequenceEqual(actual) || type switch
        {
            ElementType.Float => AreClose<float>(expected, actual),
            ElementType.Double => AreClose<double>(expected, actual),
            ElementType.Float16 => AreClose<Half>(expected, actual),
            _ => false,
        };

    private static bool AreClose<T>(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
        where T : unmanaged, INumberBase<T>
    {
        var left = MemoryMarshal.Cast<byte, T>(expected);
        var right = MemoryMarshal.Cast<byte, T>(actual);
        for (var i = 0; i < left.Length; i++)
        {
            var (a, b) = (double.CreateSaturating(left[i]), double.CreateSaturating(right[i]));
            if (!a.Equals(b) && !(Math.Abs(a - b) <= Tolerance * Math.Max(1, Math.Max(Math.Abs(a), Math.Abs(b))))) return false;
        }

        return true;
    }

    private static int[] FindUnwritten(LaneOutputs outputs, IReadOnlyList<OrtValue?> expected, int rows, int run)
    {
        using var values = outputs.ValuesOf(rows);
        List<int> found = [];
        var position = 0;
        for (var i = 0; i < expected.Count; i++)
        {
            if (outputs.Plan.Outputs[i].Input >= 0) continue;
            var value = values.ElementAt(position++);
            var memory = outputs.MemoryOf(i, rows);
            if (memory.IsEmpty || !Survived(expected[i]!.GetTensorDataAsSpan<byte>(), memory, run)) continue;

            // Where the runtime answers with other memory, what it answers without bound memory is right.
            if (Unsafe.AreSame(in MemoryMarshal.GetReference(value.GetTensorDataAsSpan<byte>()), in MemoryMarshal.GetReference(memory)))
                found.Add(i);
        }

        return [.. found];
    }

    private static bool Survived(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> memory, int run)
    {
        for (var i = 0; i < memory.Length; i++)
        {
            if (memory[i] != PatternOf(expected[i], run)) return false;
        }

        return true;
    }
}
