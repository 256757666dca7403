using Google.Protobuf;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Model;

/// <summary>An ONNX model read into memory, its weights from other files among it.</summary>
internal sealed class OnnxDocument
{
    private readonly ReadOnlyMemory<byte> _source;

    private OnnxDocument(ModelProto model, ReadOnlyMemory<byte> source, OnnxModelInfo info, string origin, string digest, long sizeInBytes)
    {
        _source = source;
        Model = model;
        Info = info;
        Origin = origin;
        Digest = digest;
        SizeInBytes = sizeInBytes;
    }

    public ModelProto Model { get; }

    /// <summary>The inspector's account of the bytes.</summary>
    public OnnxModelInfo Info { get; }

    /// <summary>A path or a name, for messages.</summary>
    public string Origin { get; }

    /// <summary>
    /// SHA-256 of the file's bytes, and of those of its external data in the order of the model, in lowercase hexadecimal digits.
    /// </summary>
    public string Digest { get; }

    /// <summary>The size of the file and of its external data.</summary>
    public long SizeInBytes { get; }

    public static async Task<OnnxDocument> ReadAsync(IModelSource source, CancellationToken cancellationToken)
    {
        try
        {
            var content = await source.ReadAsync(cancellationToken).ConfigureAwait(false);
            return Read(content);
        }
        catch (ModelLoadException exception)
        {
            var failure = exception.Failure == ModelLoadFailure.TooLarge ? QuantizationFailure.TooLarge : QuantizationFailure.Unreadable;
            throw new QuantizationException(failure, exception.Message, exception);
        }
    }

    /// <summary>
    /// The bytes of a model that was made of this one. One that is equal gives those that were read, because other writers pack numbers
    /// otherwise than this one, which says the same in other bytes.
    /// </summary>
    public ReadOnlyMemory<byte> ToBytes(ModelProto model) =>
        SizeInBytes == _source.Length && model.Equals(Model) ? _source : OnnxFile.ToBytes(model);

    /// <summary>Reads a model. The inspector looks at the bytes first, so that nothing here meets a malformed or hostile file.</summary>
    public static OnnxDocument Read(ModelContent content)
    {
        var info = OnnxInspector.Inspect(content.Bytes.Span);
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(content.Bytes.Span);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new QuantizationException(
                QuantizationFailure.Unreadable, $"{content.Origin} cannot be read as a model: {exception.Message}", exception);
        }

        if (model.Graph is null)
            throw new QuantizationException(QuantizationFailure.Unreadable, $"{content.Origin} has no graph. Export the model anew.");
        var digest = new ContentDigest(content.Bytes.Span);
        var external = ExternalWeights.Embed(model, content, digest);
        return new(model, content.Bytes, info, content.Origin, digest.ToString(), content.Bytes.Length + external);
    }
}
