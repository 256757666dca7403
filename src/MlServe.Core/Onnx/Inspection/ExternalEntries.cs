using System.Buffers.Text;

namespace MlServe.Onnx.Inspection;

/// <summary>The external_data entries of one tensor. Of a key given twice the last counts, as in the runtime.</summary>
internal ref struct ExternalEntries
{
    private ReadOnlySpan<byte> _location;
    private ReadOnlySpan<byte> _offset;
    private ReadOnlySpan<byte> _length;

    public void Add(WireReader reader)
    {
        var entry = TextEntry.Read(reader);
        if (entry.Key.SequenceEqual("location"u8))
            _location = entry.Value;
        else if (entry.Key.SequenceEqual("offset"u8))
            _offset = entry.Value;
        else if (entry.Key.SequenceEqual("length"u8))
            _length = entry.Value;
    }

    public readonly OnnxExternalData ToReference(ReadOnlySpan<byte> tensorName, InspectionState state, in WireReader reader)
    {
        if (_location.IsEmpty)
            throw reader.Malformed(
                $"external tensor {Refusal.Quote(tensorName)} without a location", "the path of the file that holds its data");
        // ONNX Runtime's own mark for data that are in memory already: the offset is then an address, by which a file would have the memory
        // of the process read. ONNX Runtime 1.31 refuses it in a file; we do not lean on that.
        if (_location.IndexOf("_ORT_MEM_ADDR_"u8) >= 0)
            throw reader.Malformed(
                $"external tensor {Refusal.Quote(tensorName)} at an address in memory, {Refusal.Quote(_location)}", "the path of a file");
        var limits = state.Limits;
        if (_location.Length > limits.MaxNameLength)
            throw Refusal.TooLarge(
                reader.FieldOffset,
                reader.Message,
                $"a location of {_location.Length} bytes",
                nameof(limits.MaxNameLength),
                limits.MaxNameLength);
        return new OnnxExternalData(
            state.Keep(tensorName, reader),
            state.Keep(_location, reader),
            Number("offset", _offset, tensorName, reader) ?? 0,
            Number("length", _length, tensorName, reader));
    }

    private static long? Number(string key, ReadOnlySpan<byte> text, ReadOnlySpan<byte> tensorName, in WireReader reader)
    {
        if (text.IsEmpty)
            return null;
        return Utf8Parser.TryParse(text, out long value, out var consumed) && consumed == text.Length && value >= 0
            ? value
            : throw reader.Malformed(
                $"{key} {Refusal.Quote(text)} of external tensor {Refusal.Quote(tensorName)}", "a whole number of bytes, 0 or more");
    }
}
