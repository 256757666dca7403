using System.Text;

namespace MlServe.Onnx.Inspection;

/// <summary>The one wording of every refusal: the byte, the place, the contents found, the contents expected, and the remedy.</summary>
internal static class Refusal
{
    public static ModelLoadException Malformed(int offset, string where, string found, string expected) => new(
        ModelLoadFailure.Malformed,
        $"This is not a valid ONNX model: at byte {offset}, in {where}, found {found}; expected {expected}. " +
        "The file is damaged, cut short or not ONNX: export or download it again, and compare its size and checksum with the source's.");

    public static ModelLoadException TooLarge(int offset, string where, string found, string limit, int value) => new(
        ModelLoadFailure.TooLarge,
        $"The model is beyond the limits of the inspection: at byte {offset}, in {where}, found {found}; " +
        $"{nameof(OnnxInspectionLimits)}.{limit} allows {value}. If you trust where the model comes from, raise that limit.");

    public static ModelLoadException TooDeep(int offset, string where, int depth) => new(
        ModelLoadFailure.TooLarge,
        $"The model does not fit the stack of this thread: at byte {offset}, in {where}, found depth {depth}. Load it on a thread with a "
            + "larger stack, one of the thread pool say.");

    // Text of a hostile file goes into messages short, and without what could forge a second log line.
    public static string Quote(ReadOnlySpan<byte> utf8)
    {
        var text = Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, 48)]);
        var clean = string.Create(text.Length, text, static (chars, source) =>
        {
            for (var i = 0; i < chars.Length; i++)
                chars[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) || source[i] is '\u2028' or '\u2029' ? '.' : source[i];
        });
        return utf8.Length > 48 ? $"'{clean}...'" : $"'{clean}'";
    }
}
