using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MlServe.Onnx.Inspection;

namespace MlServe.Quantization.Samples;

/// <summary>Reads NumPy's .npy files, versions 1 to 3, of numbers in C order (numpy.lib.format).</summary>
internal static partial class NpyReader
{
    private const int MaxHeader = 1 << 16;
    private const int MaxAxes = 32;

    private static readonly byte[] Magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <param name="file">The whole file.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <exception cref="QuantizationException">It is no such file, or holds a type that is not read here.</exception>
    public static NpyArray Read(ReadOnlyMemory<byte> file, string name)
    {
        var bytes = file.Span;
        if (bytes.Length < 10 || !bytes.StartsWith(Magic))
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' is no .npy file: it does not begin with NumPy's mark. Write it by numpy.save.");
        var version = bytes[6];
        if (version is < 1 or > 3)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' has version {version} of NumPy's format; versions 1 to 3 are read. Write it by numpy.save.");
        var start = version == 1 ? 10 : 12;
        if (bytes.Length < start) throw CutShort(name);
        long length = version == 1
            ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..])
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (length > MaxHeader)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' has a header of {length} bytes; at most {MaxHeader} are read. The file is damaged, or holds records.");
        if (bytes.Length < start + length) throw CutShort(name);
        var (type, shape) = Header(Encoding.UTF8.GetString(bytes.Slice(start, (int)length)), name);
        var data = file[(start + (int)length)..];
        var expected = ElementSizes.BytesOf(type, shape)
            ?? throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' says that it has the shape [{string.Join(',', shape)}], which is more than 2 GB. Split it into several files.");
        if (data.Length != expected)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' holds {data.Length} bytes of elements, and its shape [{string.Join(',', shape)}] needs {expected}. The file "
                    + "was cut short or damaged.");
        return new(type, shape, data);
    }

    private static (OnnxElementType Type, long[] Shape) Header(string header, string name)
    {
        var descr = Descr().Match(header);
        var order = Order().Match(header);
        var shape = Shape().Match(header);
        if (!descr.Success || !order.Success || !shape.Success)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' has a header that is not understood: {Shown(header)}. Arrays of numbers are read, not records or objects.");
        var type = TypeOf(descr.Groups[1].Value)
            ?? throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' has elements of the type '{Shown(descr.Groups[1].Value)}'; floats, integers and truth values in little-endian "
                    + "order are read. Convert it: numpy.save(file, array.astype('<f4')).");
        var sizes = shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (sizes.Length > MaxAxes)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples, $"'{name}' has {sizes.Length} axes; at most {MaxAxes} are read.");
        var numbers = new long[sizes.Length];
        for (var i = 0; i < sizes.Length; i++)
        {
            if (!long.TryParse(sizes[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]))
                throw new QuantizationException(
                    QuantizationFailure.UnreadableSamples,
                    $"'{name}' has an axis of the size '{Shown(sizes[i])}', which is no size. The file is damaged.");
        }

        if (order.Groups[1].Value == "True" && numbers.Length > 1)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{name}' is in Fortran's order (columns together). Write it in C's order: numpy.save(file, "
                    + "numpy.ascontiguousarray(array)).");
        return (type, numbers);
    }

    private static OnnxElementType? TypeOf(string descr) => descr switch
    {
        "|b1" => OnnxElementType.Bool,
        "|u1" => OnnxElementType.UInt8,
        "|i1" => OnnxElementType.Int8,
        "<u2" => OnnxElementType.UInt16,
        "<i2" => OnnxElementType.Int16,
        "<u4" => OnnxElementType.UInt32,
        "<i4" => OnnxElementType.Int32,
        "<u8" => OnnxElementType.UInt64,
        "<i8" => OnnxElementType.Int64,
        "<f2" => OnnxElementType.Float16,
        "<f4" => OnnxElementType.Float,
        "<f8" => OnnxElementType.Double,
        _ => null,
    };

    private static QuantizationException CutShort(string name) =>
        new(QuantizationFailure.UnreadableSamples, $"'{name}' was cut short within its header. Copy it again.");

    private static string Shown(string text)
    {
        const int Length = 80;
        var clean = string.Concat(text.Take(Length).Select(static character => char.IsControl(character) ? ' ' : character)).Trim();
        return text.Length > Length ? $"{clean}..." : clean;
    }

    [GeneratedRegex(@"'descr'\s*:\s*'([^']*)'", RegexOptions.NonBacktracking)]
    private static partial Regex Descr();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)", RegexOptions.NonBacktracking)]
    private static partial Regex Order();

    [GeneratedRegex(@"'shape'\s*:\s*\(([^)]*)\)", RegexOptions.NonBacktracking)]
    private static partial Regex Shape();
}
