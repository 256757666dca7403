using MlServe.Onnx.Inspection;

namespace MlServe.Quantization.Samples;

/// <summary>An array of a file: elements in little-endian order, the last axis together.</summary>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">The sizes of the axes.</param>
/// <param name="Data">The elements.</param>
internal sealed record NpyArray(OnnxElementType Type, long[] Shape, ReadOnlyMemory<byte> Data)
{
    public string Describe() => $"{Type.ToString().ToLowerInvariant()}[{string.Join(',', Shape)}]";

    /// <summary>Some of its rows along the first axis.</summary>
    public NpyArray Rows(long first, long count)
    {
        var size = Data.Length / (int)Shape[0];
        return this with { Shape = [count, .. Shape[1..]], Data = Data.Slice((int)first * size, (int)count * size) };
    }

    /// <summary>One of its rows, without the first axis.</summary>
    public NpyArray At(int index) => Rows(index, 1) with { Shape = Shape[1..] };
}
