using System.Text.Unicode;

namespace MlServe.Onnx.Inspection;

/// <summary>
/// Recognises files that are commonly handed over in place of an ONNX model. Asked only after the bytes failed to read as ONNX, so a wrong
/// guess costs a model nothing but the wording of its refusal.
/// </summary>
internal static class ForeignFormat
{
    public static bool IsOrtFormat(ReadOnlySpan<byte> model) => HasMark(model, 4, "ORTM"u8);

    public static string? Recognize(ReadOnlySpan<byte> model) =>
        (DescribeSignature(model) ?? DescribeProtobuf(model) ?? DescribeText(model)) is { } description
            ? $"The model is not ONNX: {description}"
            : null;

    private static string? DescribeSignature(ReadOnlySpan<byte> model)
    {
        if (model.StartsWith("version https://git-lfs"u8))
            return "it is a Git LFS pointer file. The model itself was not fetched: run 'git lfs pull'.";
        if (model is [(byte)'P', (byte)'K', 3, 4, ..] or [(byte)'P', (byte)'K', 5, 6, ..])
            return "it is a ZIP archive. PyTorch (.pt, .pth), Keras and NumPy save such files: export the model to ONNX " +
                "(torch.onnx.export, say), or unpack the archive if the .onnx file is in it.";
        if (model is [0x80, >= 2 and <= 5, ..])
            return "it is a Python pickle, as PyTorch and scikit-learn save. Never load one you do not trust; export the model to ONNX " +
                "(torch.onnx.export, skl2onnx).";
        // gzip, Zstandard, xz, 7-Zip, bzip2, tar.
        if (model is [0x1F, 0x8B, ..] or [0x28, 0xB5, 0x2F, 0xFD, ..] or [0xFD, (byte)'7', (byte)'z', (byte)'X', ..] or
            [(byte)'7', (byte)'z', 0xBC, 0xAF, ..] or [(byte)'B', (byte)'Z', (byte)'h', ..] || HasMark(model, 257, "ustar"u8))
            return "it is a compressed file or an archive. Unpack it and use the .onnx file in it.";
        if (model is [0x89, (byte)'H', (byte)'D', (byte)'F', ..])
            return "it is an HDF5 file, as Keras saves. Export the model to ONNX with tf2onnx.";
        if (HasMark(model, 4, "TFL3"u8))
            return "it is a TensorFlow Lite model. Convert it to ONNX with tf2onnx (--tflite).";
        if (model.StartsWith("GGUF"u8))
            return "it is a GGUF model, which runtimes of the llama.cpp family read. Export the original model to ONNX.";
        if (model is [_, _, _, _, _, _, _, 0, (byte)'{', ..])
            return "it looks like a safetensors file, which holds weights without a graph. Export the model to ONNX from its framework.";
        if (model is [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..])
            return "it is a NumPy array. Use the .onnx file of the model.";
        if (!model[..Math.Min(model.Length, 64)].ContainsAnyExcept((byte)0))
            return "it begins with nothing but zeros, as an interrupted download or copy leaves behind. Fetch it again.";
        return null;
    }

    private static string? DescribeProtobuf(ReadOnlySpan<byte> model)
    {
        if (IsTensor(model))
            return "it looks like a single tensor (TensorProto), as test data are kept in. Use the .onnx file of the model.";
        if (IsModelWithDescription(model))
            return "it looks like a TensorFlow SavedModel or a Core ML model. Convert it to ONNX with tf2onnx, or export it anew.";
        if (IsNodeList(model))
            return "it looks like a TensorFlow GraphDef (a frozen graph), or a graph without the model around it. " +
                "Convert it to ONNX with tf2onnx (--graphdef), or save the whole model.";
        return null;
    }

    private static string? DescribeText(ReadOnlySpan<byte> model)
    {
        var start = model is [0xEF, 0xBB, 0xBF, ..] ? model[3..] : model;
        start = start[..Math.Min(start.Length, 1024)].TrimStart(" \t\r\n"u8);
        // The cut at 1024 bytes may fall inside a character of up to four.
        for (var cut = 0; cut < 3 && start.Length > 3 && !Utf8.IsValid(start); cut++)
            start = start[..^1];
        if (start.IsEmpty || !Utf8.IsValid(start) ||
            start.ContainsAnyInRange((byte)0, (byte)8) || start.ContainsAnyInRange((byte)14, (byte)31))
            return null;
        return start[0] switch
        {
            (byte)'<' => "it is an HTML or XML page. A server that wants a login, or has no such file, answers with one: " +
                "open the address in a browser. The .xml file of an OpenVINO model is not ONNX either.",
            (byte)'{' or (byte)'[' => "it is JSON: the error of an API, or the wrong file of a model's folder. Use the .onnx file.",
            _ => $"it is a text file that begins with {Refusal.Quote(start)}. Use the .onnx file of the model.",
        };
    }

    // TensorProto: dims (field 1, which as ModelProto would be ir_version), then data_type (field 2).
    private static bool IsTensor(ReadOnlySpan<byte> model)
    {
        var rest = model;
        while (rest is [0x08, ..] && TryVarint(rest[1..], out _, out var next))
            rest = next;
        return rest.Length < model.Length && rest is [0x10, >= 1 and <= 26, ..];
    }

    // SavedModel and Core ML: a version (field 1), then a message (field 2) that begins with a message (field 1).
    private static bool IsModelWithDescription(ReadOnlySpan<byte> model) =>
        model is [0x08, < 0x80, 0x12, ..] && TryVarint(model[3..], out _, out var inner) && inner is [0x0A, ..];

    // GraphDef: nodes (field 1), each with its name (1) and operator (2).
    private static bool IsNodeList(ReadOnlySpan<byte> model) =>
        model is [0x0A, ..] && TryVarint(model[1..], out _, out var node) &&
        node is [0x0A, ..] && TryVarint(node[1..], out var length, out var name) &&
        length > 0 && length < (ulong)name.Length && name[(int)length] == 0x12 &&
        !name[..(int)length].ContainsAnyExceptInRange((byte)' ', (byte)'~');

    private static bool TryVarint(ReadOnlySpan<byte> bytes, out ulong value, out ReadOnlySpan<byte> rest)
    {
        value = 0;
        rest = default;
        for (var i = 0; i < Math.Min(bytes.Length, 9); i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                rest = bytes[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    private static bool HasMark(ReadOnlySpan<byte> model, int at, ReadOnlySpan<byte> mark) =>
        model.Length >= at + mark.Length && model.Slice(at, mark.Length).SequenceEqual(mark);
}
