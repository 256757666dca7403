using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using MlServe.Docs.Markdown;
using MlServe.Onnx;
using MlServe.Quantization;

namespace MlServe.Docs.Tables;

/// <summary>
/// A table of a document that says what code says: <c>&lt;!-- options: type --&gt;</c>, <c>&lt;!-- enum: type --&gt;</c> or
/// <c>&lt;!-- statuses --&gt;</c> before it. Its first columns are made of the code; further ones are the author's, and are kept by the
/// name in the first.
/// </summary>
internal sealed partial class ReferenceTable
{
    private static readonly Assembly[] Assemblies =
        [typeof(OnnxPredictor).Assembly, typeof(MlServingOptions).Assembly, typeof(OnnxQuantizer).Assembly];

    private readonly MarkdownDocument _document;
    private readonly int _first;
    private readonly int _count;
    private readonly string[] _header;
    private readonly List<string[]> _rows;

    private ReferenceTable(MarkdownDocument document, int marker, string kind, string typeName)
    {
        _document = document;
        Place = $"{document.Name}:{marker + 1}";
        Kind = kind;
        Type = kind == "statuses"
            ? typeof(PredictionStatus)
            : Assemblies.Select(assembly => assembly.GetType(typeName)).FirstOrDefault(static type => type is not null)
            ?? throw new FormatException($"{Place}: there is no type '{typeName}'.");

        _first = marker + 1;
        while (_first + _count < document.Lines.Count && document.Lines[_first + _count].StartsWith('|'))
            _count++;
        var cells = document.Lines.Skip(_first).Take(_count).Select(CellsOf).ToList();
        _header = cells.Count > 0 ? cells[0] : [];
        _rows = [.. cells.Skip(2)];
    }

    /// <summary>Where it stands.</summary>
    public string Place { get; }

    public string Kind { get; }

    public Type Type { get; }

    public static IReadOnlyList<ReferenceTable> Of(MarkdownDocument document) =>
    [
        .. document.Prose()
            .Select(static line => (line.Number, Match: Marker.Match(line.Text)))
            .Where(static line => line.Match.Success)
            .Select(line =>
                new ReferenceTable(document, line.Number - 1, line.Match.Groups["kind"].Value, line.Match.Groups["type"].Value)),
    ];

    /// <summary>Says where the table differs from the code.</summary>
    public IEnumerable<string> Differences()
    {
        var made = MadeHeader();
        if (!_header.Take(made.Length).SequenceEqual(made)) yield return $"{Place}: the columns must begin with {string.Join(", ", made)}.";

        var expected = MadeRows().ToList();
        foreach (var row in _rows.Where(row => expected.TrueForAll(known => known[0] != row[0])))
            yield return $"{Place}: there is no {row[0]} in {Type.Name}.";
        foreach (var want in expected)
        {
            var rows = _rows.FindAll(row => row[0] == want[0]);
            if (rows.Count != 1)
            {
                yield return $"{Place}: {want[0]} of {Type.Name} stands {rows.Count} times.";
                continue;
            }

            for (var column = 1; column < _header.Length; column++)
            {
                var cell = rows[0].ElementAtOrDefault(column) ?? "";
                if (column < want.Length ? cell != want[column] : cell.Length == 0)
                    yield return $"{Place}: {want[0]}, {_header[column]}: "
                        + $"'{cell}'{(column < want.Length ? $" should be '{want[column]}'" : " is empty")}.";
            }
        }

        if (!_rows.Select(static row => row[0]).SequenceEqual(expected.Select(static row => row[0])))
            yield return $"{Place}: the rows are not in the order of the code.";
    }

    /// <summary>The lines of the document with the table as the code has it.</summary>
    public IEnumerable<string> Updated()
    {
        var made = MadeHeader();
        string[] header = [.. made, .. _header.Skip(made.Length)];
        var rows = MadeRows().Select(row =>
            (string[])[.. row,
                .. (_rows.Find(known => known[0] == row[0]) ?? [])
                    .Skip(row.Length)
                    .Concat(Enumerable.Repeat("", header.Length))
                    .Take(header.Length - made.Length)]);
        return
        [
            .. _document.Lines.Take(_first),
            Line(header),
            $"|{string.Concat(Enumerable.Repeat("---|", header.Length))}",
            .. rows.Select(Line),
            .. _document.Lines.Skip(_first + _count),
        ];
    }

    private static string Line(string[] cells) => $"| {string.Join(" | ", cells)} |".Replace("|  |", "| |", StringComparison.Ordinal);

    private static string[] CellsOf(string line) => [.. Bars.Split(line.Trim())[1..^1].Select(static cell => cell.Trim())];

    private string[] MadeHeader() => Kind switch
    {
        "options" => ["option", "type", "default", "what, in which range, and why that default"],
        "statuses" => ["status", "HTTP", "tag", "when"],
        _ => ["value", "what"],
    };

    private IEnumerable<string[]> MadeRows() => Kind switch
    {
        "options" => Options(Activator.CreateInstance(Type)!),
        "statuses" => Enum.GetValues<PredictionStatus>().Select(static status => (string[])
        [
            $"`{status}`", status.ToHttpStatusCode().ToString(CultureInfo.InvariantCulture), $"`{status.ToTag()}`",
            HttpCode.Replace(XmlDocs.SummaryOf(FieldOf(typeof(PredictionStatus), status.ToString())), ""),
        ]),
        _ => Enum.GetNames(Type).Select(name => (string[])[$"`{name}`", XmlDocs.SummaryOf(FieldOf(Type, name))]),
    };

    // What has no setter is filled by the user: a list, or options of its own.
    private IEnumerable<string[]> Options(object fresh) => Type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .OrderBy(static property => property.MetadataToken)
        .Select(property =>
            (string[])[$"`{property.Name}`", $"`{TypeNames.Of(property)}`", Default(property.GetValue(fresh)),
                XmlDocs.SummaryOf(property)]);

    private static string Default(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string text => $"`{text}`",
        TimeSpan time => $"`{time:c}`",
        Enum name => $"`{name}`",
        double number => number.ToString("#,0.################", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString("N0", CultureInfo.InvariantCulture),
        IEnumerable items when !items.Cast<object>().Any() => "empty",
        _ => "its own defaults",
    };

    private static FieldInfo FieldOf(Type type, string name) => type.GetField(name)!;

    [GeneratedRegex(@"^<!--\s*(?<kind>options|enum|statuses)(:\s*(?<type>[\w.]+))?\s*-->\s*$")]
    private static partial Regex Marker { get; }

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Bars { get; }

    [GeneratedRegex(@" \(\d{3}\)")]
    private static partial Regex HttpCode { get; }
}
