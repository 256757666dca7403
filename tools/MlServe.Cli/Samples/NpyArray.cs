using MlServe.Onnx.Inspection;

namespace MlServe.Cli.Samples;

/// <summary>An array of a file: elements in little-endian order, the last axis together.</summary>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">The sizes of the axes.</param>
/// <param name="Data">The elements.</param>
internal sealed record NpyArray(OnnxElementType Type, long[] Shape, ReadOnlyMemory<byte> Data)
{
    public string Describe() => $"{Type.ToString().ToLowerInvariant()}[{string.Join(',', Shape)}]";

    /// <summary>A part of it along the first axis.</summary>
    /// <param name="index">Where it begins.</param>
    /// <param name="keepsAxis">Whether the part has the first axis still, of size 1.</param>
    public NpyArray At(int index, bool keepsAxis)
    {
        var size = Data.Length / (int)Shape[0];
        long[] shape = keepsAxis ? [1, .. Shape[1..]] : Shape[1..];
        return this with { Shape = shape, Data = Data.Slice(index * size, size) };
    }
}
