using System.Runtime.InteropServices;

namespace MlServe;

/// <summary>
/// The sizes of all axes of all inputs but the batch axis, and which optional inputs are there. Requests of equal shapes may run in one
/// batch. Immutable, compared by value.
/// </summary>
public sealed class LaneShape : IEquatable<LaneShape>
{
    /// <summary>Stands in <see cref="Sizes"/> for an input that is not there.</summary>
    internal const long AbsentInput = -1;

    /// <summary>
    /// Stands before the sizes of an input that is there and need not be. So its sizes, none for a scalar, cannot be taken for another's.
    /// </summary>
    internal const long PresentInput = -3;

    /// <summary>Stands for an input that is no tensor and is passed on as it came.</summary>
    internal const long HeldInput = -2;

    /// <summary>Less the number of axes, stands before the sizes of an input of whose shape the model says nothing.</summary>
    internal const long OpenInput = -16;

    private readonly long[] _sizes;
    private readonly int _hash;

    /// <summary>Makes a shape.</summary>
    /// <param name="sizes">The sizes of the axes, input after input, without batch axes; -1 stands for an input that is absent,
    /// other negative numbers are marks.</param>
    public LaneShape(ReadOnlySpan<long> sizes)
    {
        _sizes = sizes.ToArray();
        _hash = HashOf(sizes);
    }

    /// <summary>The sizes of the axes, input after input, without batch axes; -1 stands for an input that is absent,
    /// other negative numbers are marks.</summary>
    public ReadOnlySpan<long> Sizes => _sizes;

    /// <inheritdoc />
    public bool Equals(LaneShape? other) => ReferenceEquals(this, other) || (other is not null && Matches(other._sizes, other._hash));

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as LaneShape);

    /// <inheritdoc />
    public override int GetHashCode() => _hash;

    internal static int HashOf(ReadOnlySpan<long> sizes)
    {
        var hash = new HashCode();
        hash.AddBytes(MemoryMarshal.AsBytes(sizes));
        return hash.ToHashCode();
    }

    internal bool Matches(ReadOnlySpan<long> sizes, int hash) => hash == _hash && sizes.SequenceEqual(_sizes);
}
