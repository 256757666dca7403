using MlServe.Onnx;

namespace MlServe.Benchmarks.Measurement;

/// <summary>A file that takes longer to read than it does, and more memory, to show that the rows of loads notice.</summary>
internal sealed class SlowSource(string path, TimeSpan delay) : IModelSource
{
    private const int ExtraBytes = 1 << 20;

    private static readonly List<byte[]> Held = [];

    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        await Task.Delay(delay, cancellationToken);
        var content = await ModelSource.FromFile(path).ReadAsync(cancellationToken);
        var extra = new byte[content.Bytes.Length + ExtraBytes];
        extra.AsSpan().Fill(1);
        lock (Held)
            Held.Add(extra);
        return content;
    }
}
