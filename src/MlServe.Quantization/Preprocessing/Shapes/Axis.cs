namespace MlServe.Quantization.Preprocessing.Shapes;

/// <summary>
/// The length of an axis: a number, or one that only callers know, which then has a symbol. Axes with one symbol are always of one length.
/// </summary>
/// <param name="Length">The length; of no meaning if there is a symbol.</param>
/// <param name="Symbol">The symbol, 1 or more; 0: the length is known.</param>
internal readonly record struct Axis(long Length, int Symbol)
{
    public bool IsKnown => Symbol == 0;

    public static Axis Of(long length) => new(length, 0);
}
