using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MlServe.Onnx;

namespace MlServe.Docs.Tables;

/// <summary>What the XML documentation of MlServe says, as Markdown.</summary>
internal static partial class XmlDocs
{
    private static readonly Dictionary<string, XElement> Summaries = new[] { typeof(OnnxPredictor).Assembly,
        typeof(MlServingOptions).Assembly, typeof(MlServe.Quantization.OnnxQuantizer).Assembly }
        .SelectMany(static assembly => XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member"))
        .Where(static member => member.Element("summary") is not null)
        .ToDictionary(
            static member => member.Attribute("name")!.Value, static member => member.Element("summary")!, StringComparer.Ordinal);

    /// <summary>The summary of a property or an enum's value, in one line.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static string SummaryOf(MemberInfo member)
    {
        var key = $"{(member is PropertyInfo ? 'P' : 'F')}:{member.DeclaringType!.FullName!.Replace('+', '.')}.{member.Name}";
        if (!Summaries.TryGetValue(key, out var summary)) throw new InvalidOperationException($"{key} has no summary.");
        var text = string.Concat(summary.Nodes().Select(node => ToMarkdown(node, member.DeclaringType)));
        return Spaces.Replace(text, " ").Trim().Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string ToMarkdown(XNode node, Type within) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" } see when see.Attribute("cref") is { } reference => $"`{NameOf(reference.Value, within)}`",
        XElement { Name.LocalName: "see" } see when see.Attribute("langword") is { } word => $"`{word.Value}`",
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement element => string.Concat(element.Nodes().Select(inner => ToMarkdown(inner, within))),
        _ => "",
    };

    private static string NameOf(string reference, Type within)
    {
        var (kind, name) = (reference[0], reference[2..].Split('(')[0]);
        var parts = name.Split('.');
        if (kind == 'T') return Type.GetType(name) is { } type ? TypeNames.Of(type) : parts[^1];
        if (name == $"{within.FullName}.{parts[^1]}" && !within.IsEnum) return parts[^1];
        return $"{(Type.GetType(string.Join('.', parts[..^1])) is { } owner ? TypeNames.Of(owner) : parts[^2])}.{parts[^1]}";
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces { get; }
}
