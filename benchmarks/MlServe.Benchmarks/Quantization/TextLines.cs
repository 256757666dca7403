using SkiaSharp;

namespace MlServe.Benchmarks.Quantization;

/// <summary>
/// Lines of made-up text as a recognizer sees them: drawn in one of the fonts that are found, a little tilted, blurred and noisy. A line
/// depends on its number alone (and on the fonts of the machine).
/// </summary>
internal sealed class TextLines : IDisposable
{
    public const int Height = 48;
    public const int Width = 320;
    public const int Values = 3 * Height * Width;

    private const string Letters = "etaoinshrdlucmfwypvbgkqjxz";

    private readonly List<SKTypeface> _fonts;

    private TextLines(List<SKTypeface> fonts) => _fonts = fonts;

    /// <summary>The DejaVu fonts of this machine; null where there are none.</summary>
    public static TextLines? Open()
    {
        string[] folders =
            ["/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", Environment.GetFolderPath(Environment.SpecialFolder.Fonts)];
        var fonts = folders.Where(Directory.Exists)
            .SelectMany(static folder => Directory.EnumerateFiles(folder, "DejaVuS*.ttf", SearchOption.AllDirectories))
            .OrderBy(Path.GetFileName, StringComparer.Ordinal).Select(static path => SKTypeface.FromFile(path))
            .Where(static font => font is not null).ToList();
        return fonts.Count > 0 ? new(fonts) : null;
    }

    /// <summary>The pixels of a line, [3, 48, 320], from -1 (black) to 1 (white).</summary>
    public float[] Draw(int number)
    {
        var random = new Random(number);
        using var bitmap = new SKBitmap(Width, Height, SKColorType.Gray8, SKAlphaType.Opaque);
        var (paper, ink) = ((byte)random.Next(180, 256), (byte)random.Next(0, 90));
        if (random.Next(5) == 0) (paper, ink) = (ink, paper);
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(new SKColor(paper, paper, paper));
            DrawText(canvas, random, new SKColor(ink, ink, ink));
        }

        return WithNoise(bitmap.GetPixelSpan(), random, (float)random.NextDouble() * 14);
    }

    /// <summary>Lines from <paramref name="first"/> on, as inputs of one row or more.</summary>
    public float[] Draw(int first, int rows)
    {
        var values = new float[rows * Values];
        for (var row = 0; row < rows; row++)
            Draw(first + row).CopyTo(values, row * Values);
        return values;
    }

    public void Dispose() => _fonts.ForEach(static font => font.Dispose());

    private void DrawText(SKCanvas canvas, Random random, SKColor ink)
    {
        var text = MakeText(random);
        using var font = new SKFont(_fonts[random.Next(_fonts.Count)], random.Next(24, 37));
        var widest = Width - 20f;
        var measured = font.MeasureText(text);
        if (measured > widest) font.Size *= widest / measured;
        using var paint = new SKPaint { Color = ink, IsAntialias = true };
        var blur = (float)random.NextDouble() * 0.9f;
        if (blur > 0.2f) paint.ImageFilter = SKImageFilter.CreateBlur(blur, blur);
        canvas.RotateDegrees(((float)random.NextDouble() * 4) - 2, Width / 2f, Height / 2f);
        var baseline = (Height / 2f) + (font.Size * 0.36f) + random.Next(-3, 4);
        canvas.DrawText(text, 6 + ((float)random.NextDouble() * Math.Max(0, widest - Math.Min(measured, widest))), baseline, font, paint);
        paint.ImageFilter?.Dispose();
    }

    private static string MakeText(Random random)
    {
        var words = new string[random.Next(1, 4)];
        for (var i = 0; i < words.Length; i++)
            words[i] = MakeWord(random);
        return string.Join(' ', words);
    }

    private static string MakeWord(Random random)
    {
        if (random.Next(4) == 0) return random.Next(10, 1_000_000).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var letters = new char[random.Next(3, 9)];
        for (var i = 0; i < letters.Length; i++)
            letters[i] = Letters[(int)(Letters.Length * Math.Pow(random.NextDouble(), 1.5))];
        if (random.Next(3) == 0) letters[0] = char.ToUpperInvariant(letters[0]);
        var word = new string(letters);
        if (random.Next(8) == 0) word = word.ToUpperInvariant();
        return random.Next(8) == 0 ? word + ".,:;-/!?"[random.Next(8)] : word;
    }

    private static float[] WithNoise(ReadOnlySpan<byte> pixels, Random random, float deviation)
    {
        var values = new float[Values];
        const int Plane = Height * Width;
        for (var i = 0; i < Plane; i++)
        {
            // The sum of four uniform values is near enough to a normal one.
            var noise = (random.NextSingle() + random.NextSingle() + random.NextSingle() + random.NextSingle() - 2) * 1.732f;
            var value = (Math.Clamp(pixels[i] + (noise * deviation), 0, 255) / 127.5f) - 1;
            values[i] = values[Plane + i] = values[(2 * Plane) + i] = value;
        }

        return values;
    }
}
