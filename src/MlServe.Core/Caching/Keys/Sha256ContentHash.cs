using System.Security.Cryptography;

namespace MlServe.Caching;

/// <summary>SHA-256: the same in every process, and out of reach for a sender who wants two requests to collide.</summary>
internal readonly struct Sha256ContentHash : IContentHash
{
    public static int Size => SHA256.HashSizeInBytes;

    public static void Hash(ReadOnlySpan<byte> content, Span<byte> destination) => SHA256.HashData(content, destination);
}
