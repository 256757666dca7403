using System.Security.Cryptography;

namespace MlServe.Quantization.Model;

/// <summary>
/// SHA-256 over a model's file and then its external data; for a model without any, the digest that the serving library shows.
/// </summary>
internal sealed class ContentDigest
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public ContentDigest(ReadOnlySpan<byte> model) => _hash.AppendData(model);

    public void Add(ReadOnlySpan<byte> external) => _hash.AppendData(external);

    public override string ToString() => Convert.ToHexStringLower(_hash.GetCurrentHash());
}
