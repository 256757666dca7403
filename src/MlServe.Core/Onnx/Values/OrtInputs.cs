using System.Text;
using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Makes values of the runtime's own memory: strings, sequences, maps.</summary>
internal static class OrtInputs
{
    /// <summary>Makes a value of anything that a request can give.</summary>
    public static OrtValue Create(in PredictionInput input) => input.Kind switch
    {
        ValueKind.Tensor => CreateTensor(input.Elements, ShapeOf(in input)),
        ValueKind.Sequence => CreateSequence(input.Sequence),
        ValueKind.Map => CreateMap(input.Elements, input.MapValues),
        _ => throw new ArgumentOutOfRangeException(nameof(input), input.Kind, "An absent value is not passed on."),
    };

    /// <summary>A copy, which nobody changes behind its check: the runtime takes memory by the shape.</summary>
    private static long[] ShapeOf(in PredictionInput input)
    {
        if (input.Elements.Shape is not { } given) return [input.Elements.Length];
        var shape = (long[])given.Clone();
        return Shapes.Count(shape) == input.Elements.Length ? shape : throw UnreadableInputException.ShapeChanged(input.Name ?? "");
    }

    public static OrtValue CreateStrings(ReadOnlySpan<string> values, long[] shape)
    {
        var value = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
        try
        {
            for (var i = 0; i < values.Length; i++)
                value.StringTensorSetElementAt(values[i].AsSpan(), i);
            return value;
        }
        catch
        {
            value.Dispose();
            throw;
        }
    }

    private static OrtValue CreateTensor(in BorrowedTensor elements, long[] shape)
    {
        if (elements.Type == ElementType.String) return CreateStrings(elements.AsSpan<string>(), shape);
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, OrtTypes.ToOrt(elements.Type), shape);
        TypedBytes.Of(elements).CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static OrtValue CreateSequence(PredictionInput[] elements)
    {
        var values = new List<OrtValue>(elements.Length);
        try
        {
            foreach (var element in elements)
                values.Add(Create(element));

            // The sequence takes the elements over, and empties the list.
            return OrtValue.CreateSequence(values);
        }
        finally
        {
            foreach (var value in values)
                value.Dispose();
        }
    }

    private static OrtValue CreateMap(in BorrowedTensor keys, in BorrowedTensor values)
    {
        var key = CreateTensor(keys, [keys.Length]);
        OrtValue? value = null;
        try
        {
            value = CreateTensor(values, [values.Length]);
            return OrtValue.CreateMap(ref key, ref value);
        }
        finally
        {
            key?.Dispose();
            value?.Dispose();
        }
    }
}
