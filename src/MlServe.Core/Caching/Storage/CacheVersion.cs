namespace MlServe.Caching;

/// <summary>One version of a model whose answers are kept.</summary>
/// <param name="Identity">Which one.</param>
/// <param name="Signature">What goes in and what comes out.</param>
/// <param name="Key">What tells its answers from those of other versions.</param>
internal sealed record CacheVersion(ModelIdentity Identity, ModelSignature Signature, RequestKey Key)
{
    public static CacheVersion Of(ModelIdentity identity, ModelSignature signature) =>
        new(identity, signature, RequestHasher.OfVersion(identity, signature));

    /// <summary>Whether the other version takes the same inputs and gives the same outputs.</summary>
    public bool Fits(CacheVersion other) => Signature.ToString() == other.Signature.ToString();
}
