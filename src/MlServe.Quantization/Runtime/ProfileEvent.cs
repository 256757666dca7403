using System.Text.Json.Serialization;

namespace MlServe.Quantization.Runtime;

/// <summary>One line of ONNX Runtime's profile.</summary>
/// <param name="Category">The kind of the event: "Node" for operators.</param>
/// <param name="Name">The operation.</param>
/// <param name="Details">Of what; null if there is nothing to say.</param>
internal sealed record ProfileEvent(
    [property: JsonPropertyName("cat")] string? Category,
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("args")] ProfileEvent.Arguments? Details)
{
    /// <param name="Operator">The operator's type.</param>
    /// <param name="Inputs">For each input that was given, its shape by the name of its element type.</param>
    /// <param name="Outputs">The same of outputs.</param>
    internal sealed record Arguments(
        [property: JsonPropertyName("op_name")] string? Operator,
        [property: JsonPropertyName("input_type_shape")] IReadOnlyList<Dictionary<string, long[]>>? Inputs,
        [property: JsonPropertyName("output_type_shape")] IReadOnlyList<Dictionary<string, long[]>>? Outputs);
}
