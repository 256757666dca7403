namespace MlServe.Onnx.Rows;

/// <summary>A number that shapes are made of.</summary>
/// <param name="Alone">Its value in a run of one row.</param>
/// <param name="IsScaled">Whether it is as many times that in a run of several rows as there are rows; else it is the same.</param>
internal readonly record struct Term(Size Alone, bool IsScaled)
{
    public static Term Of(long value) => new(Size.Of(value), IsScaled: false);

    /// <summary>Whether it is this number, alone and in company.</summary>
    public bool Is(long value) => !IsScaled && Alone.Is(value);

    public override string ToString() => IsScaled ? $"rows·{Alone}" : Alone.ToString();
}
