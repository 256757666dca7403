using System.Globalization;
using Sylvan.Data.Csv;

namespace MlServe.Samples.Worker;

/// <summary>Rows to be scored together. A run makes a few and uses them again and again, however long the file is.</summary>
internal sealed class RowBatch(int capacity)
{
    public const int Pixels = 28 * 28;

    private readonly float[] _pixels = new float[capacity * Pixels];
    private readonly long[] _lines = new long[capacity];
    private readonly int[] _labels = new int[capacity];

    public int Count { get; private set; }

    public bool IsFull => Count == capacity;

    public PredictionInputs Inputs => PredictionInputs.Rows<float>(_pixels.AsMemory(0, Count * Pixels), Count);

    /// <summary>How much of the file had been read when the batch was filled, 0 to 1.</summary>
    public double Progress { get; set; }

    public long LineOf(int row) => _lines[row];

    /// <summary>The digit that the row shows; -1 where the file does not say.</summary>
    public int LabelOf(int row) => _labels[row];

    public void Clear() => Count = 0;

    /// <summary>Adds the row where <paramref name="csv"/> stands.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Add(CsvDataReader csv, long line, bool isLabelled)
    {
        var first = isLabelled ? 1 : 0;
        if (csv.RowFieldCount != first + Pixels) return $"it has {csv.RowFieldCount} columns, and the header has {first + Pixels}";

        var label = -1;
        if (isLabelled && (!int.TryParse(csv.GetFieldSpan(0), NumberStyles.None, CultureInfo.InvariantCulture, out label) || label > 9))
            return $"the label is '{csv.GetString(0)}'; it must be 0 to 9";

        var target = _pixels.AsSpan(Count * Pixels, Pixels);
        for (var i = 0; i < target.Length; i++)
        {
            if (!float.TryParse(csv.GetFieldSpan(first + i), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                || value is not (>= 0 and <= 255))
                return $"column '{csv.GetName(first + i)}' is '{csv.GetString(first + i)}'; it must be a number from 0 to 255";
            target[i] = value / 255;
        }

        (_lines[Count], _labels[Count]) = (line, label);
        Count++;
        return null;
    }
}
