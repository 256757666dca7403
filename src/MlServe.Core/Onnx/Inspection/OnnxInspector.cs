using MlServe.Onnx.Safety;

namespace MlServe.Onnx.Inspection;

/// <summary>
/// Reads what an ONNX model is, and whether it is one, without running it, without the native runtime, and without trusting a byte of it.
/// </summary>
/// <remarks>
/// The walker follows the protobuf wire format (https://protobuf.dev/programming-guides/encoding) along the messages of onnx.proto
/// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). It never reads past a message, and nests no deeper than
/// <see cref="OnnxInspectionLimits.MaxDepth"/>. It allocates for the content of the file, never for its claims. Documentation, inferred
/// shapes and annotations are stepped over by their length; so are fields that a newer ONNX may add. Stricter than protobuf, it refuses a
/// message field given twice that may stand once. Protobuf would merge the two, and only one of them may have been inspected.
/// </remarks>
public static class OnnxInspector
{
    /// <summary>Inspects a model. Safe to call from any number of threads at once.</summary>
    /// <param name="model">The bytes of the whole file. They are not kept.</param>
    /// <param name="limits">The limits, or null for the defaults.</param>
    /// <returns>The model's statements about itself.</returns>
    /// <exception cref="ModelLoadException">
    /// The model is empty (<see cref="ModelLoadFailure.Empty"/>); is not ONNX, damaged or cut short, or is an ORT-format file
    /// (<see cref="ModelLoadFailure.Malformed"/>); or is beyond the limits (<see cref="ModelLoadFailure.TooLarge"/>). The message names the
    /// byte at which it was noticed, and what to do.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range.</exception>
    public static OnnxModelInfo Inspect(ReadOnlySpan<byte> model, OnnxInspectionLimits? limits = null)
    {
        limits?.ThrowIfInvalid();
        if (model.IsEmpty)
            throw new ModelLoadException(
                ModelLoadFailure.Empty,
                "The model has no bytes. An interrupted copy or download leaves such a file: fetch it again, under a temporary name " +
                "that is changed when it is complete.");

        // Before anything else: the runtime looks for this mark first, so a file that is valid ONNX as well would pass here as one model
        // and run as another.
        if (ForeignFormat.IsOrtFormat(model))
            throw new ModelLoadException(
                ModelLoadFailure.Malformed,
                "The model is in ORT format ('ORTM' at byte 4), not in ONNX, and cannot be inspected. " +
                "Use the .onnx file it was converted from.");

        try
        {
            limits ??= OnnxInspectionLimits.Default;
            var info = ModelReader.Read(model, limits);
            info.Guards = GraphSafety.Check(model, limits);
            return info;
        }
        catch (ModelLoadException refusal) when (ForeignFormat.Recognize(model) is { } hint)
        {
            throw new ModelLoadException(ModelLoadFailure.Malformed, hint, refusal);
        }
    }
}
