namespace MlServe.Caching;

/// <summary>One version of a model whose answers are kept.</summary>
/// <param name="Identity">Which one.</param>
/// <param name="Signature">Its inputs and outputs.</param>
/// <param name="Key">The key that tells its answers from those of other versions.</param>
internal sealed record CacheVersion(ModelIdentity Identity, ModelSignature Signature, RequestKey Key)
{
    private static int _last;

    /// <summary>A version as it is loaded now. Loaded again it is another one: a file with other options may answer otherwise.</summary>
    public static CacheVersion Of(ModelIdentity identity, ModelSignature signature) =>
        new(identity, signature, RequestHasher.OfVersion(identity, signature, Interlocked.Increment(ref _last)));

    /// <summary>Whether the other version takes the same inputs and gives the same outputs.</summary>
    public bool Fits(CacheVersion other) => Signature.ToString() == other.Signature.ToString();
}
