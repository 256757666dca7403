namespace MlServe.Tensors;

/// <summary>
/// The elements of a copy until its owner lets go of them. Afterwards the array is somebody else's, and code that still has the copy in
/// hand must not see it. A span that was taken before is outside that promise.
/// </summary>
/// <param name="elements">Strings, or the bytes of elements of a fixed size.</param>
internal sealed class OwnedElements(Array elements)
{
    private Array? _elements = elements;

    public bool IsReleased => Volatile.Read(ref _elements) is null;

    /// <exception cref="UnreadableInputException">They were let go of.</exception>
    public Array Elements => Volatile.Read(ref _elements) ?? throw UnreadableInputException.Released();

    /// <summary>Lets go of them, once.</summary>
    /// <returns>The array to give back; null from the second time on.</returns>
    public Array? Release() => Interlocked.Exchange(ref _elements, null);
}
