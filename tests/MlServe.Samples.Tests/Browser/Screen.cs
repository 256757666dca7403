namespace MlServe.Samples.Browser;

/// <summary>What a page is shown on.</summary>
public sealed record Screen(int Width, int Height, bool IsDark = false, bool IsTouch = false)
{
    public static Screen Desktop { get; } = new(1280, 860);

    public static Screen Phone { get; } = new(390, 844, IsTouch: true);

    public static Screen SmallPhone { get; } = new(320, 640, IsTouch: true);

    /// <summary>For the names of pictures.</summary>
    public string Name => $"{Width}x{Height}-{(IsDark ? "dark" : "light")}";
}
