using System.Globalization;
using MlServe.Tensors;
using MlServe.TestModels;

namespace MlServe.Attack.Models;

/// <summary>Holds an answer of MlServe against the plain runtime's.</summary>
internal static class AnswerComparison
{
    /// <summary>What differs by more than rounding; null where nothing does.</summary>
    public static string? FindDifference(PredictionOutput answer, IReadOnlyList<RowTensor> expected, double tolerance)
    {
        if (answer.Kind == ValueKind.Tensor)
            return expected is [var tensor] ? FindDifference(answer, tensor, tolerance) : "a tensor, and none was expected";

        // A sequence of one row's map; the runtime gives its keys and its values.
        if (expected is not [var keys, var values] || answer.Kind != ValueKind.Sequence || answer.Length != 1)
            return $"{answer.Kind} of {answer.Length}, and a map was expected";
        var map = answer[0].ToDictionary<long, float>();
        if (map.Count != keys.Count) return $"a map of {map.Count}, and one of {keys.Count} was expected";
        for (var i = 0; i < keys.Count; i++)
        {
            if (!map.TryGetValue((long)keys[i], out var value) || Math.Abs(value - values[i]) > tolerance) return Text(value, values[i]);
        }

        return null;
    }

    private static string? FindDifference(PredictionOutput answer, RowTensor expected, double tolerance)
    {
        if (!answer.Shape.SequenceEqual(expected.Shape))
            return $"[{string.Join(',', answer.Shape.ToArray())}], and [{string.Join(',', expected.Shape)}] was expected";
        double[] values = answer.ElementType switch
        {
            ElementType.Float => Array.ConvertAll(answer.ToArray<float>(), static value => (double)value),
            ElementType.Int64 => Array.ConvertAll(answer.ToArray<long>(), static value => (double)value),
            _ => throw new NotSupportedException($"Answers of {answer.ElementType} are not compared."),
        };
        var largest = 0.0;
        for (var i = 0; i < values.Length; i++)
        {
            if (double.IsFinite(expected[i])) largest = Math.Max(largest, Math.Abs(expected[i]));
        }

        for (var i = 0; i < values.Length; i++)
        {
            if (!values[i].Equals(expected[i]) && !(Math.Abs(values[i] - expected[i]) <= tolerance * largest))
                return Text(values[i], expected[i]);
        }

        return null;
    }

    private static string Text(double actual, double expected) =>
        string.Create(CultureInfo.InvariantCulture, $"{actual}, and {expected} was expected");
}
