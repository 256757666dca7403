namespace MlServe.Onnx.Inspection;

/// <summary>An input or output of the main graph, as the model declares it.</summary>
/// <param name="Name">The name, by which the runtime binds the value.</param>
/// <param name="Type">The declared type.</param>
/// <param name="HasDefault">
/// True for an input that an initializer of the same name gives a value, so that a caller need not. Models of IR version 3 and older list
/// every weight as such an input. Always false for an output.
/// </param>
public sealed record OnnxValueInfo(string Name, OnnxValueType Type, bool HasDefault)
{
    /// <summary>The author's description of the value, its first 4,096 bytes; null if nothing is said.</summary>
    public string? Description { get; init; }
}
