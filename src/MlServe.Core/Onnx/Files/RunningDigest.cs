using System.Security.Cryptography;

namespace MlServe.Onnx.Files;

/// <summary>The SHA-256 of bytes that are still being read, taken on a thread of its own right behind the reader.</summary>
internal sealed class RunningDigest
{
    private const int Piece = 1024 * 1024;

    private readonly object _lock = new();
    private readonly MappedBytes _bytes;
    private readonly TaskCompletionSource<string> _digest = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isBegun;
    private bool _isStopped;
    private int _read;
    private int _hashed;

    public RunningDigest(MappedBytes bytes) => _bytes = bytes;

    /// <summary>The digest in small hexadecimal digits; cancelled if it was stopped.</summary>
    public Task<string> Digest => _digest.Task;

    /// <summary>Told that so many bytes from the beginning are there.</summary>
    public void HasRead(int bytes)
    {
        // By the reader alone.
        if (!_isBegun) new Thread(Run, 256 * 1024) { IsBackground = true, Name = "MlServe model digest" }.UnsafeStart();
        _isBegun = true;
        lock (_lock)
        {
            _read = bytes;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until so many bytes from the beginning have been hashed.</summary>
    /// <returns>False if it was stopped.</returns>
    public bool WaitFor(int bytes)
    {
        lock (_lock)
        {
            while (_hashed < bytes && !_isStopped)
                Monitor.Wait(_lock);
            return !_isStopped;
        }
    }

    /// <summary>Ends it; more than once is allowed.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopped = true;
            Monitor.PulseAll(_lock);
        }

        _digest.TrySetCanceled();
    }

    private void Run()
    {
        try
        {
            using var hold = _bytes.Take();
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var bytes = _bytes.GetSpan();
            for (var start = 0; start < bytes.Length;)
            {
                var end = Math.Min(WaitForRead(start), start + Piece);
                if (end <= start) return;
                hash.AppendData(bytes[start..end]);
                start = end;
                if (start == bytes.Length) _digest.TrySetResult(Convert.ToHexStringLower(hash.GetHashAndReset()));
                lock (_lock)
                {
                    _hashed = start;
                    Monitor.PulseAll(_lock);
                }
            }
        }
#pragma warning disable CA1031 // Goes to those who wait; it would end the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _digest.TrySetException(exception);
            Stop();
        }
    }

    /// <returns>How far it has been read, beyond the given place; 0 if it was stopped.</returns>
    private int WaitForRead(int from)
    {
        lock (_lock)
        {
            while (_read <= from && !_isStopped)
                Monitor.Wait(_lock);
            return _isStopped ? 0 : _read;
        }
    }
}
