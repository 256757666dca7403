using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;

namespace MlServe.Onnx;

/// <summary>Gives what another source gives once it has been tried in a process of its own.</summary>
internal sealed class VerifiedModelSource(IModelSource inner, OnnxModelOptions options, ModelLoadContext context) : IUnhurriedModelSource
{
    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        var logger = context.Logger;
        var content = await new TimedModelSource(
            inner, context.Name, options.LoadTimeout, context.TimeProvider).ReadAsync(cancellationToken).ConfigureAwait(false);
        var digest = Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span));
        if (content.Verified?.Digest == digest) return content;
        return content with
        {
            Verified = (digest,
                await ModelVerifier.VerifyAsync(content, digest, options, context, logger, cancellationToken).ConfigureAwait(false)),
        };
    }
}
