namespace MlServe.Quantization.Runtime;

/// <summary>The element type, as ONNX Runtime's profiles name it, and the shape of a tensor.</summary>
internal readonly record struct TypedShape(string Type, IReadOnlyList<long> Shape)
{
    public bool IsFloat => Type == "float";

    public int Rank => Shape.Count;

    /// <summary>Elements; more than 64 bits hold are an <see cref="OverflowException"/>.</summary>
    public long Count => Shape.Aggregate(1L, static (product, size) => checked(product * size));
}
