using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MlServe.TestModels;

/// <summary>Runs the rows of a batch through the plain runtime, alone and together, and compares. It knows nothing of MlServe.</summary>
public sealed class RowOracle : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();

    /// <summary>Opens a model.</summary>
    /// <exception cref="OnnxRuntimeException">The runtime refuses it.</exception>
    public RowOracle(byte[] model)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        _session = new(model, options);
    }

    /// <summary>The names of the outputs, in their order.</summary>
    public IReadOnlyList<string> OutputNames => _session.OutputNames;

    /// <summary>Runs the model; null where it refuses.</summary>
    public IReadOnlyList<IReadOnlyList<RowTensor>>? Run(IReadOnlyDictionary<string, RowTensor> inputs, out string error)
    {
        error = "";
        var values = new List<OrtValue>();
        try
        {
            foreach (var input in inputs.Values)
                values.Add(input.ToOrtValue());
            using var outputs = _session.Run(_runOptions, [.. inputs.Keys], values, _session.OutputNames);
            return [.. outputs.Select(Flatten)];
        }
        catch (OnnxRuntimeException exception)
        {
            error = exception.Message;
            return null;
        }
        finally
        {
            foreach (var value in values)
                value.Dispose();
        }
    }

    /// <summary>Compares all rows together with each alone.</summary>
    /// <param name="inputs">Inputs by name, with the axis along which rows lie; null for one that holds for all rows.</param>
    /// <param name="rows">How many rows there are.</param>
    /// <param name="outputAxes">The axis of the rows of each output; null for one whose rows are to be found.</param>
    /// <param name="tolerance">The difference that is rounding, as a share of the larger value or of the output's largest.</param>
    /// <param name="detail">What differs, or who refuses.</param>
    public RowOutcome Compare(
        IReadOnlyDictionary<string, (RowTensor Value, int? Axis)> inputs, int rows, IReadOnlyList<int?> outputAxes, double tolerance,
        out string detail)
    {
        if (Run(inputs.ToDictionary(static pair => pair.Key, static pair => pair.Value.Value), out detail) is not { } together)
            return RowOutcome.NotTogether;
        for (var row = 0; row < rows; row++)
        {
            var own = inputs.ToDictionary(
                static pair => pair.Key, pair => pair.Value.Axis is { } axis ? pair.Value.Value.Rows(axis, row, 1) : pair.Value.Value);
            if (Run(own, out detail) is not { } alone) return RowOutcome.NotAlone;
            for (var i = 0; i < together.Count; i++)
            {
                if (RowOf(together[i], alone[i], rows, row, outputAxes[i]) is not { } mine)
                {
                    detail = $"output {i} does not grow with the rows";
                    return RowOutcome.NotTogether;
                }

                for (var part = 0; part < mine.Count; part++)
                {
                    if (DifferenceOf(alone[i][part], mine[part], tolerance) is not { } difference) continue;
                    detail = $"row {row} of {rows}, output {i}: {difference}";
                    return RowOutcome.Differs;
                }
            }
        }

        return RowOutcome.Same;
    }

    public void Dispose()
    {
        _session.Dispose();
        _runOptions.Dispose();
    }

    private static List<RowTensor>? RowOf(IReadOnlyList<RowTensor> together, IReadOnlyList<RowTensor> alone, int rows, int row, int? axis)
    {
        // A sequence with an element for each row has as many parts as rows have together.
        if (together.Count != 1 || alone.Count != 1)
            return together.Count == rows * alone.Count ? [.. together.Skip(row * alone.Count).Take(alone.Count)] : null;
        var (all, one) = (together[0], alone[0]);
        if (all.Shape.Length != one.Shape.Length) return null;
        var along = axis ?? Array.FindIndex(Enumerable.Range(0, all.Shape.Length).ToArray(), i => all.Shape[i] != one.Shape[i]);
        if (along < 0 || along >= all.Shape.Length || all.Shape[along] != rows || one.Shape[along] != 1) return null;
        for (var i = 0; i < all.Shape.Length; i++)
        {
            if (i != along && all.Shape[i] != one.Shape[i]) return null;
        }

        return [all.Rows(along, row, 1)];
    }

    private static string? DifferenceOf(RowTensor alone, RowTensor mine, double tolerance)
    {
        if (!alone.Shape.SequenceEqual(mine.Shape))
            return $"[{string.Join(',', alone.Shape)}] alone, [{string.Join(',', mine.Shape)}] in company";
        if (!alone.Texts.SequenceEqual(mine.Texts)) return "other texts";
        if (alone.Bytes.AsSpan().SequenceEqual(mine.Bytes)) return null;
        var isExact = alone.Type is not (TensorElementType.Float or TensorElementType.Double or TensorElementType.Float16
            or TensorElementType.BFloat16);
        var largest = 0.0;
        for (var i = 0; i < alone.Count; i++)
        {
            if (double.IsFinite(alone[i])) largest = Math.Max(largest, Math.Abs(alone[i]));
        }

        for (var i = 0; i < alone.Count; i++)
        {
            var (one, other) = (alone[i], mine[i]);
            if (one.Equals(other) || (!isExact && Math.Abs(one - other) <= tolerance * largest)) continue;
            return $"{one} alone, {other} in company";
        }

        return null;
    }

    private static IReadOnlyList<RowTensor> Flatten(OrtValue value)
    {
        if (value.OnnxType == OnnxValueType.ONNX_TYPE_TENSOR) return [RowTensor.From(value)];
        var parts = new List<RowTensor>();
        for (var i = 0; i < value.GetValueCount(); i++)
        {
            using var part = value.GetValue(i, OrtAllocator.DefaultInstance);
            parts.AddRange(Flatten(part));
        }

        return parts;
    }
}
