using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>Which places of a sequence hold something, from the input of a sample that says so.</summary>
internal sealed class PaddingMask
{
    private readonly bool[] _isKept;
    private readonly int _places;

    private PaddingMask(bool[] isKept, int places)
    {
        _isKept = isKept;
        _places = places;
    }

    /// <summary>
    /// The input whose name says that it is a mask: integers or truth values for each row and place; null: there is none.
    /// </summary>
    public static string? NameIn(EncodedSample sample) => sample.Values
        .Where(static pair => pair.Key.Contains("mask", StringComparison.OrdinalIgnoreCase) && pair.Value.IsTensor)
        .Where(static pair =>
            pair.Value.GetTensorTypeAndShape() is
            {
                Shape.Length: 2,
                ElementDataType: TensorElementType.Int64 or TensorElementType.Int32 or TensorElementType.Bool
            })
        .Select(static pair => pair.Key).Order(StringComparer.Ordinal).FirstOrDefault();

    public static PaddingMask? Of(EncodedSample sample)
    {
        if (NameIn(sample) is not { } name) return null;
        var value = sample.Values[name];
        var info = value.GetTensorTypeAndShape();
        var bytes = value.GetTensorMutableRawData();
        var size = bytes.Length / Math.Max(1, (int)info.ElementCount);
        var kept = new bool[info.ElementCount];
        for (var i = 0; i < kept.Length; i++)
            kept[i] = bytes.Slice(i * size, size).ContainsAnyExcept((byte)0);
        return new(kept, (int)info.Shape[1]);
    }

    /// <summary>Whether a place holds something; places that the mask does not cover do.</summary>
    public bool IsKept(int row, int place) =>
        place >= _places || (row * _places) + place >= _isKept.Length || _isKept[(row * _places) + place];
}
