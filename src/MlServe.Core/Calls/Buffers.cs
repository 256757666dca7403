using System.Buffers;
using System.Numerics;

namespace MlServe;

/// <summary>
/// Byte arrays for a while. Small ones come from the runtime's shared pool. That pool counts arrays, though, and would keep a gigabyte of
/// large ones, so that those come from a pool that counts bytes. The content of a rented array is anybody's.
/// </summary>
internal static class Buffers
{
    /// <summary>The bytes of large arrays that are kept in the whole process.</summary>
    public const long MaxBytes = 32L * 1024 * 1024;

    /// <summary>Arrays up to this size are the shared pool's.</summary>
    public const int SmallBytes = 1 << FirstPower;

    private const int FirstPower = 16;
    private const int MaxArrayBytes = (int)(MaxBytes / 2);

    private static readonly Large Pool = new();

    /// <summary>The bytes of large arrays that lie here.</summary>
    public static long Bytes => Pool.Bytes;

    public static byte[] Rent(int bytes) => bytes <= SmallBytes ? ArrayPool<byte>.Shared.Rent(bytes)
        : bytes > MaxArrayBytes ? GC.AllocateUninitializedArray<byte>(bytes)
        : Pool.Rent(bytes);

    public static void Return(byte[] array)
    {
        if (array.Length <= SmallBytes) ArrayPool<byte>.Shared.Return(array);
        else if (array.Length <= MaxArrayBytes) Pool.Return(array);
    }

    /// <summary>Four sizes for each power of two, so that at most a fifth of an array is not used.</summary>
    private sealed class Large : ITrimmable
    {
        private readonly Lock _gate = new();
        private readonly Stack<byte[]>[] _bySize =
            [.. Enumerable.Range(0, IndexOf(MaxArrayBytes, out _) + 1).Select(static _ => new Stack<byte[]>())];
        private long _bytes;

        public Large() => MemoryPressure.Register(this);

        public long Bytes => Interlocked.Read(ref _bytes);

        public byte[] Rent(int bytes)
        {
            var index = IndexOf(bytes, out var size);
            lock (_gate)
            {
                if (_bySize[index].TryPop(out var array))
                {
                    _bytes -= size;
                    return array;
                }
            }

            return GC.AllocateUninitializedArray<byte>(size);
        }

        public void Return(byte[] array)
        {
            var index = IndexOf(array.Length, out var size);
            lock (_gate)
            {
                // What is asked for now takes the place of what was asked for once.
                while (_bytes + size > MaxBytes && TryDropOther(index))
                {
                }

                if (_bytes + size > MaxBytes) return;
                _bySize[index].Push(array);
                _bytes += size;
            }
        }

        public void Trim()
        {
            lock (_gate)
            {
                foreach (var arrays in _bySize)
                    arrays.Clear();
                _bytes = 0;
            }
        }

        private bool TryDropOther(int index)
        {
            var most = -1;
            for (var i = 0; i < _bySize.Length; i++)
            {
                if (i != index && BytesOf(i) > 0 && (most < 0 || BytesOf(i) > BytesOf(most))) most = i;
            }

            if (most < 0) return false;
            _bytes -= _bySize[most].Pop().Length;
            return true;
        }

        private long BytesOf(int index) => _bySize[index].TryPeek(out var array) ? (long)array.Length * _bySize[index].Count : 0;

        private static int IndexOf(int bytes, out int size)
        {
            var power = BitOperations.Log2((uint)bytes - 1);
            var quarter = (bytes - 1) >> (power - 2);
            size = (quarter + 1) << (power - 2);
            return ((power - FirstPower) * 4) + quarter - 4;
        }
    }
}
