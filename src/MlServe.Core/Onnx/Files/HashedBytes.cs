namespace MlServe.Onnx.Files;

/// <summary>A large file in memory that can be given back by pieces, and its digest, which is taken while it is read and after.</summary>
internal sealed class HashedBytes : IDisposable
{
    private readonly MappedBytes _bytes;
    private readonly RunningDigest _digest;

    private HashedBytes(MappedBytes bytes) => (_bytes, _digest) = (bytes, new(bytes));

    public ReadOnlyMemory<byte> Memory => _bytes.Memory;

    /// <summary>The SHA-256 in small hexadecimal digits; cancelled if this is disposed before.</summary>
    public Task<string> Digest => _digest.Digest;

    /// <returns>Null if the system has no such memory.</returns>
    public static HashedBytes? TryCreate(int length) => MappedBytes.TryCreate(length) is { } bytes ? new(bytes) : null;

    public Span<byte> ToBeRead() => _bytes.GetSpan();

    public void HasRead(int bytes) => _digest.HasRead(bytes);

    /// <summary>Lets them flow into a pipe, and their memory go.</summary>
    public void FlowInto(BytePipe pipe, CancellationToken cancellationToken) => pipe.Begin(_bytes, _digest, cancellationToken);

    /// <summary>Keeps the memory for a thread that may be given up.</summary>
    public IDisposable Take() => _bytes.Take();

    public void Dispose()
    {
        _digest.Stop();
        _bytes.Close();
    }
}
