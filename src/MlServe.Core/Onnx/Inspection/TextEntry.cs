namespace MlServe.Onnx.Inspection;

/// <summary>StringStringEntryProto, the pair of which ONNX makes its maps.</summary>
internal readonly ref struct TextEntry
{
    private TextEntry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Key = key;
        Value = value;
    }

    public ReadOnlySpan<byte> Key { get; }

    public ReadOnlySpan<byte> Value { get; }

    public static TextEntry Read(WireReader reader)
    {
        ReadOnlySpan<byte> key = default, value = default;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.Text("key");
                    break;
                case 2:
                    value = reader.Text("value");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new TextEntry(key, value);
    }
}
