using System.Globalization;
using System.Text;

namespace MlServe.Samples.QuickStart;

/// <summary>Draws images in the terminal, two rows of pixels a line.</summary>
internal static class DigitDrawing
{
    private const string Shades = " .:*#";

    public static void Print(MnistTestSet images, IReadOnlyList<Digit> answers, int count)
    {
        var text = new StringBuilder();
        for (var y = 0; y < MnistTestSet.Side; y += 2)
        {
            for (var image = 0; image < count; image++)
            {
                var pixels = images[image].Pixels.Span;
                for (var x = 0; x < MnistTestSet.Side; x++)
                {
                    var grey = (pixels[(y * MnistTestSet.Side) + x] + pixels[((y + 1) * MnistTestSet.Side) + x]) / 2;
                    text.Append(Shades[grey * Shades.Length / 256]);
                }
            }

            text.AppendLine();
        }

        for (var image = 0; image < count; image++)
        {
            var caption = string.Create(CultureInfo.InvariantCulture, $"{answers[image].Value} ({answers[image].Confidence:P1})");
            text.Append(caption.PadLeft((MnistTestSet.Side + caption.Length) / 2).PadRight(MnistTestSet.Side));
        }

        Console.WriteLine(text.ToString());
    }
}
