namespace MlServe.Attack.Mutations;

/// <summary>A field of a protobuf message: a number, bytes, or a message of its own.</summary>
internal sealed class ProtoField
{
    public required int Number { get; set; }

    public required int Wire { get; set; }

    public ulong Value { get; set; }

    public byte[] Bytes { get; set; } = [];

    public ProtoMessage? Message { get; set; }

    public ProtoField Copy() => new() { Number = Number, Wire = Wire, Value = Value, Bytes = Bytes, Message = Message?.Copy() };
}
