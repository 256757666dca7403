using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using MlServe.Tensors;

namespace MlServe.Caching;

/// <summary>Makes the keys of requests within this process.</summary>
internal sealed class RequestHasher : IRequestHasher
{
    private const int TextBytes = 512;

    public static readonly RequestHasher Instance = new();

    [SkipLocalsInit]
    public bool TryHash(in PredictionInputs inputs, OutputSelection outputs, out RequestKey key)
    {
        key = default;
        var digest = new RequestDigest<FastContentHash>(stackalloc byte[TextBytes]);
        try
        {
            if (!digest.TryAdd(in inputs, outputs)) return false;
        }
        catch (UnreadableInputException)
        {
            return false;
        }

        key = Finish(in digest);
        return true;
    }

    /// <summary>The key of one load of one version, which tells its answers from another's.</summary>
    public static RequestKey OfVersion(ModelIdentity identity, ModelSignature signature, int load)
    {
        var digest = new RequestDigest<FastContentHash>(stackalloc byte[TextBytes]);
        digest.AddText(identity.Name);
        digest.AddText(identity.Version);
        digest.AddText(identity.Digest);
        digest.AddText(signature.ToString());
        digest.AddText(load.ToString(CultureInfo.InvariantCulture));
        return Finish(in digest);
    }

    /// <summary>The key under which an answer is known to other processes; null if it cannot be told which answer is asked for.</summary>
    public static string? SharedKey(ModelIdentity identity, in PredictionInputs inputs, OutputSelection outputs)
    {
        var digest = new RequestDigest<Sha256ContentHash>(stackalloc byte[TextBytes]);
        digest.AddText(identity.Digest);
        digest.AddText(outputs.Signature.ToString());
        if (!digest.TryAdd(in inputs, outputs)) return null;
        Span<byte> hash = stackalloc byte[Sha256ContentHash.Size];
        digest.Finish(hash);
        var version = identity.Digest.AsSpan(0, Math.Min(12, identity.Digest.Length));
        return $"mlserve:{AnswerFormat.Version}:{version}:{Convert.ToHexStringLower(hash)}";
    }

    private static RequestKey Finish(in RequestDigest<FastContentHash> digest)
    {
        Span<byte> hash = stackalloc byte[FastContentHash.Size];
        digest.Finish(hash);
        return new(BinaryPrimitives.ReadUInt128LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash[16..]));
    }
}
