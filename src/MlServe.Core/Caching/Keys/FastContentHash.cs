using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace MlServe.Caching;

/// <summary>
/// XXH3 in 128 bits, and in 64 bits with another seed (Y. Collet, https://xxhash.com). Seeds are drawn anew in each process, so that a
/// sender of requests cannot compute two that collide.
/// </summary>
internal readonly struct FastContentHash : IContentHash
{
    private static readonly long KeySeed = BinaryPrimitives.ReadInt64LittleEndian(RandomNumberGenerator.GetBytes(8));
    private static readonly long CheckSeed = BinaryPrimitives.ReadInt64LittleEndian(RandomNumberGenerator.GetBytes(8));

    public static int Size => 24;

    public static void Hash(ReadOnlySpan<byte> content, Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(destination, XxHash128.HashToUInt128(content, KeySeed));
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], XxHash3.HashToUInt64(content, CheckSeed));
    }
}
