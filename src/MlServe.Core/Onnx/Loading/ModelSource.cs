namespace MlServe.Onnx;

/// <summary>The common places that models come from.</summary>
public static class ModelSource
{
    /// <summary>A model in a file, read when it is loaded.</summary>
    /// <param name="path">The path of an <c>.onnx</c> file. A pipe or a device is refused.</param>
    /// <param name="maxBytes">Bytes beyond which the file is refused, 1 or more; null: the most that an ONNX file can have.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxBytes"/> is less than 1.</exception>
    public static IModelSource FromFile(string path, long? maxBytes = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (maxBytes is { } most) ArgumentOutOfRangeException.ThrowIfLessThan(most, 1, nameof(maxBytes));
        return new FileModelSource(path, maxBytes ?? Array.MaxLength);
    }

    /// <summary>A model in memory: an embedded resource, say.</summary>
    /// <param name="bytes">The content of an <c>.onnx</c> file; must not change afterwards.</param>
    /// <param name="origin">A name for messages and logs.</param>
    public static IModelSource FromBytes(ReadOnlyMemory<byte> bytes, string origin = "memory")
    {
        ArgumentNullException.ThrowIfNull(origin);
        return new BytesModelSource(new(bytes, origin));
    }

    /// <summary>
    /// A source whose models are first loaded and tried by the tool <c>mlserve</c>, in a process of its own whose memory and time are
    /// bounded. A model that brings that process down is refused with <see cref="ModelLoadFailure.VerificationFailed"/>; without the tool
    /// none is given (<see cref="ModelLoadFailure.NotVerified"/>).
    /// </summary>
    /// <param name="inner">The source of the models.</param>
    /// <param name="options">How they are verified; null: the defaults.</param>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public static IModelSource Verified(IModelSource inner, VerificationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        var onnx = new OnnxModelOptions { Verify = ModelVerification.InChildProcess };
        onnx.Verification.CopyFrom(options ?? new());
        if (onnx.Verification.Validate().FirstOrDefault() is { } fault) throw new ArgumentException(fault, nameof(options));
        return new VerifiedModelSource(inner, onnx, new());
    }

    private sealed class BytesModelSource(ModelContent content) : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default) => new(content);
    }
}
