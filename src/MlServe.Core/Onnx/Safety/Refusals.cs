using System.Globalization;
using System.Text;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>How a graph is refused for what it would do.</summary>
internal static class Refusals
{
    /// <summary>Calls of functions within functions are followed by recursion.</summary>
    public const int MaxCallDepth = 128;

    public static ModelLoadException TooLarge(string what, string limit, long value) => new(ModelLoadFailure.TooLarge,
        string.Create(
            CultureInfo.InvariantCulture,
            $"The model is beyond the limits of the inspection: {what}; {nameof(OnnxInspectionLimits)}.{limit} allows {value}. "
            + $"If you trust where the model comes from, raise that limit."));

    public static ModelLoadException Malformed(string where, string what, string expected) => new(ModelLoadFailure.Malformed,
        $"This is not a valid ONNX model: {where} has {what}; expected {expected}. The runtime may crash on it. Export the model anew.");

    /// <summary>Text of a hostile file.</summary>
    public static string Quote(string text) => Refusal.Quote(Encoding.UTF8.GetBytes(text));
}
