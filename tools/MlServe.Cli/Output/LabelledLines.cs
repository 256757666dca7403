namespace MlServe.Cli.Output;

/// <summary>
/// Writes a text behind a label. At a terminal it goes on in the next line if it is too long; into a file or a pipe it is one line. Nothing
/// is cut off and nothing padded.
/// </summary>
internal static class LabelledLines
{
    private const int Label = 12;
    private const int LeastWidth = 40;

    public static void Write(TextWriter to, string label, string text) =>
        Write(to, label, text, Console.IsOutputRedirected ? 0 : Console.WindowWidth);

    /// <param name="to">Where to.</param>
    /// <param name="label">What stands before the first line.</param>
    /// <param name="text">The text.</param>
    /// <param name="width">The width of the terminal; 0: none.</param>
    public static void Write(TextWriter to, string label, string text, int width)
    {
        var room = width < LeastWidth ? int.MaxValue : width - Label - 1;
        var rest = text.AsSpan();
        for (var isFirst = true; isFirst || rest.Length > 0; isFirst = false)
        {
            var take = rest.Length;
            if (take > room)
            {
                var space = rest[..room].LastIndexOf(' ');
                take = space < room / 2 ? room : space;
            }

            to.WriteLine(string.Concat((isFirst ? label : "").PadRight(Label), rest[..take]).TrimEnd());
            rest = rest[take..].TrimStart();
        }
    }
}
