using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Verification;

/// <summary>The axes of a model's inputs, and lengths to try for those that callers choose.</summary>
internal sealed class TrialShapes
{
    private const int Rows = 2;

    // What image models, sequence models and small tests take: the first that a model accepts is the one that the others vary.
    private static readonly int[] Sizes = [32, 8, 16, 64, 4, 3, 1, 128, 224, 320];

    private readonly Dictionary<string, OpenAxis[]> _axes = new(StringComparer.Ordinal);
    private readonly string[] _open;

    public TrialShapes(GraphSession session)
    {
        foreach (var (name, type) in session.Session.InputMetadata)
        {
            if (!type.IsTensor) continue;
            _axes.Add(
                name, [.. type.Dimensions.Select((size, axis) => size >= 0 ? new OpenAxis(size, "") : new(-1, NameOf(type, name, axis)))]);
        }

        _open = [.. _axes.Values.SelectMany(static axes => axes)
            .Where(static axis => axis.IsOpen)
            .Select(static axis => axis.Name)
            .Distinct(StringComparer.Ordinal)];
        RowsName = _axes.Values.Where(static axes => axes.Length > 0 && axes[0].IsOpen)
            .Select(static axes => axes[0].Name)
            .FirstOrDefault();
    }

    /// <summary>The name of the first axis of the first input that leaves it open; null: there is none.</summary>
    public string? RowsName { get; }

    public bool HasOnlyTensors(GraphSession session) => _axes.Count == session.Session.InputMetadata.Count;

    /// <summary>Lengths to begin with, the likeliest first.</summary>
    public IEnumerable<Dictionary<string, long>> Beginnings()
    {
        if (_open.Length == 0)
        {
            yield return [];
            yield break;
        }

        foreach (var size in Sizes)
            yield return _open.ToDictionary(static name => name, name => name == RowsName ? (long)Rows : size, StringComparer.Ordinal);
        foreach (var size in Sizes)
            yield return _open.ToDictionary(static name => name, name => (long)size, StringComparer.Ordinal);
        yield return _open.ToDictionary(static name => name, name => name == RowsName ? 1L : 32, StringComparer.Ordinal);
    }

    /// <summary>The lengths that a sample has; null if it does not fit the model's axes.</summary>
    public Dictionary<string, long>? Of(EncodedSample sample)
    {
        var lengths = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (input, axes) in _axes)
        {
            if (!sample.Values.TryGetValue(input, out var value)) return null;
            var shape = value.GetTensorTypeAndShape().Shape;
            if (shape.Length != axes.Length) return null;
            for (var axis = 0; axis < axes.Length; axis++)
            {
                if (axes[axis].IsOpen) lengths[axes[axis].Name] = shape[axis];
            }
        }

        return lengths;
    }

    /// <summary>Other lengths than those that are known to be taken, one axis at a time.</summary>
    public IEnumerable<Dictionary<string, long>> Variations(Dictionary<string, long> lengths)
    {
        foreach (var name in _open)
        {
            long[] others = name == RowsName ? [1, 2, 5] : [lengths[name] * 2, Math.Max(1, lengths[name] / 2), lengths[name] + 1];
            foreach (var other in others.Where(other => other != lengths[name]).Distinct())
                yield return new(lengths, StringComparer.Ordinal) { [name] = other };
        }
    }

    public IEnumerable<(string Input, long[] Shape)> Shapes(Dictionary<string, long> lengths) =>
        _axes.Select(pair => (pair.Key, (long[])[.. pair.Value.Select(axis => axis.IsOpen ? lengths[axis.Name] : axis.Length)]));

    public static string Describe(Dictionary<string, long> lengths) =>
        lengths.Count == 0
            ? "fixed"
            : string.Join(", ", lengths.Select(static pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} {pair.Value}")));

    private static string NameOf(NodeMetadata type, string input, int axis)
    {
        var name = axis < type.SymbolicDimensions.Length ? type.SymbolicDimensions[axis] : "";
        return name.Length > 0 ? name
            : axis == 0 ? OpenAxis.Rows
            : string.Create(CultureInfo.InvariantCulture, $"axis {axis} of '{input}'");
    }
}
