using System.Globalization;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// Describes requests and answers for people who debug. A debugger asks at any time, from any thread: nothing here throws. The contents of
/// a request may be private: only names, types and sizes are told.
/// </summary>
internal static class Describing
{
    private const int MaxValues = 4;
    private const int MaxAxes = 8;
    private const int MaxName = 64;
    private const string Disposed = "disposed";

    public static string Of(in Prediction prediction)
    {
        if (!prediction.IsOk) return prediction.Error.ToString();
        var outputs = new List<string>();
        try
        {
            var count = prediction.Count;
            for (var i = 0; i < Math.Min(count, MaxValues); i++)
                outputs.Add(prediction[i].ToString());
            return $"Ok: {Join(outputs, count)}";
        }
#pragma warning disable CA1031 // Disposed before, or meanwhile.
        catch (Exception)
#pragma warning restore CA1031
        {
            return Disposed;
        }
    }

    public static string Of(in PredictionOutput output)
    {
        try
        {
            var text = $"{NameOf(output.Name)}{TypeOf(output)}";

            // Throws if the memory has become another answer's meanwhile.
            _ = output.Kind;
            return text;
        }
#pragma warning disable CA1031 // Disposed before, or meanwhile.
        catch (Exception)
#pragma warning restore CA1031
        {
            return Disposed;
        }
    }

    public static string Of(in PredictionInput input)
    {
        if (input.Kind == ValueKind.Tensor && input.ElementType == ElementType.None) return "default";
        var text = NameOf(input.Name) + input.Kind switch
        {
            ValueKind.Sequence => $"sequence of {input.Length}",
            ValueKind.Map => $"map of {input.Length}",
            ValueKind.Optional => "absent",
            _ when input.HasShape => $"{ElementTypes.NameOf(input.ElementType)}[{AxesOf(input.Shape)}]",
            _ => $"{input.Length} of {ElementTypes.NameOf(input.ElementType)}",
        };
        return input.Elements.IsReleased ? $"{text}, {Disposed}" : text;
    }

    public static string Of(in PredictionInputs inputs)
    {
        var values = new List<string>();
        for (var i = 0; i < Math.Min(inputs.Count, MaxValues); i++)
            values.Add(PredictionInputs.ItemOf(in inputs, i).ToString());
        var form = inputs.IsRow ? "row"
            : inputs.RowCount is { } rows ? string.Create(CultureInfo.InvariantCulture, $"{rows} rows")
            : "rows";
        return $"{form}: {Join(values, inputs.Count)}";
    }

    private static string TypeOf(in PredictionOutput output) => output.Kind switch
    {
        ValueKind.Sequence => $"sequence of {output.Length}",
        ValueKind.Map => $"map of {output.Length}",
        ValueKind.Optional => "absent",
        _ => $"{ElementTypes.NameOf(output.ElementType)}[{AxesOf(output.Shape)}]",
    };

    private static string NameOf(string? name) =>
        string.IsNullOrEmpty(name) ? "" : name.Length > MaxName ? $"{name[..MaxName]}...: " : $"{name}: ";

    private static string AxesOf(ReadOnlySpan<long> shape)
    {
        var axes = string.Join(',', shape[..Math.Min(shape.Length, MaxAxes)].ToArray());
        return shape.Length > MaxAxes ? $"{axes},..." : axes;
    }

    private static string Join(List<string> values, int count) =>
        (count == 0 ? "nothing" : string.Join(", ", values)) + (count > values.Count ? $" and {count - values.Count} more" : "");
}
