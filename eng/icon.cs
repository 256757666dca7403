// Draws assets/icon.png: dotnet run eng/icon.cs assets/icon.png
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;

const int Side = 128;
const int Samples = 4; // in each direction of a pixel

// An M that is a small network: two layers of nodes, joined by edges.
Vector2[] nodes = [new(30, 94), new(36, 37), new(64, 74), new(92, 37), new(98, 94)];
var top = new Vector3(0.31f, 0.20f, 0.80f);
var bottom = new Vector3(0.05f, 0.62f, 0.76f);
var edge = new Vector3(0.86f, 0.90f, 1.00f);
var accent = new Vector3(1.00f, 0.80f, 0.30f);

Vector4 ColorAt(Vector2 p)
{
    var fromCorner = Vector2.Max(Vector2.Abs(p - new Vector2(64)) - new Vector2(62 - 26), Vector2.Zero);
    if (fromCorner.Length() > 26) return Vector4.Zero;

    for (var i = 0; i < nodes.Length; i++)
        if (Vector2.Distance(p, nodes[i]) < (i == 2 ? 12.5f : 9.5f)) return new(i == 2 ? accent : Vector3.One, 1);
    for (var i = 1; i < nodes.Length; i++)
        if (DistanceToEdge(p, nodes[i - 1], nodes[i]) < 4) return new(edge, 1);
    return new(Vector3.Lerp(top, bottom, Math.Clamp(((p.X * 0.4f) + p.Y) / (Side * 1.4f), 0, 1)), 1);
}

static float DistanceToEdge(Vector2 p, Vector2 a, Vector2 b) =>
    Vector2.Distance(p, Vector2.Lerp(a, b, Math.Clamp(Vector2.Dot(p - a, b - a) / (b - a).LengthSquared(), 0, 1)));

var rows = new byte[Side * ((Side * 4) + 1)]; // each row begins with its filter: none
for (var y = 0; y < Side; y++)
{
    for (var x = 0; x < Side; x++)
    {
        var sum = Vector4.Zero; // colours weighted by their coverage
        for (var s = 0; s < Samples * Samples; s++)
        {
            var color = ColorAt(new(x + ((s % Samples) + 0.5f) / Samples, y + ((s / Samples) + 0.5f) / Samples));
            sum += new Vector4(color.AsVector3() * color.W, color.W);
        }

        var pixel = rows.AsSpan((y * ((Side * 4) + 1)) + 1 + (x * 4), 4);
        for (var c = 0; c < 3; c++) pixel[c] = (byte)MathF.Round(255 * (sum.W == 0 ? 0 : sum[c] / sum.W));
        pixel[3] = (byte)MathF.Round(255 * sum.W / (Samples * Samples));
    }
}

using var packed = new MemoryStream();
using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true)) zlib.Write(rows);

var header = new byte[13];
BinaryPrimitives.WriteInt32BigEndian(header, Side);
BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), Side);
header[8] = 8; // bits
header[9] = 6; // red, green, blue, alpha

using var file = File.Create(args[0]);
file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
WriteChunk("IHDR"u8, header);
WriteChunk("IDAT"u8, packed.ToArray());
WriteChunk("IEND"u8, []);

void WriteChunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
{
    byte[] chunk = [.. type, .. data];
    Span<byte> number = stackalloc byte[4];
    BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
    file.Write(number);
    file.Write(chunk);
    var crc = uint.MaxValue;
    foreach (var value in chunk)
    {
        crc ^= value;
        for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
    }

    BinaryPrimitives.WriteUInt32BigEndian(number, ~crc);
    file.Write(number);
}
