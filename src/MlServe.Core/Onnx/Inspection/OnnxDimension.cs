using System.Globalization;

namespace MlServe.Onnx.Inspection;

/// <summary>
/// One dimension as a model declares it: a size, a symbol, or neither (both null). A declaration is a hint: exporters are known to
/// declare sizes that the model does not keep to.
/// </summary>
/// <param name="Size">
/// The number of elements, zero or more, or null if the model gives none. A negative declared size counts as none.
/// </param>
/// <param name="Symbol">The name of a size that is known only when the model runs, or null.</param>
public sealed record OnnxDimension(long? Size, string? Symbol)
{
    /// <summary>The size, the symbol, or <c>?</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Size?.ToString(CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}
