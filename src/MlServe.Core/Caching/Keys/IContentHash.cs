namespace MlServe.Caching;

/// <summary>A hash function.</summary>
internal interface IContentHash
{
    static abstract int Size { get; }

    static abstract void Hash(ReadOnlySpan<byte> content, Span<byte> destination);
}
