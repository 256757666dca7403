using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MlServe.Quantization.Serving;

namespace MlServe.Configuration;

/// <summary>The summaries of the documentation comments, as plain text.</summary>
internal static partial class XmlSummaries
{
    private static readonly Dictionary<string, XElement> Members = new[] { typeof(IPredictor), typeof(ModelOptions),
        typeof(ModelQuantizationOptions) }
        .Select(static type => Path.ChangeExtension(type.Assembly.Location, ".xml"))
        .SelectMany(static file => XDocument.Load(file).Descendants("member"))
        .ToDictionary(static member => (string)member.Attribute("name")!, StringComparer.Ordinal);

    public static string Of(Type type) => TextOf($"T:{type.FullName}");

    public static string Of(PropertyInfo property) => TextOf($"P:{property.DeclaringType!.FullName}.{property.Name}");

    private static string TextOf(string member) =>
        Space().Replace(string.Concat(Members[member].Element("summary")!.Nodes().Select(Text)), " ").Trim();

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" } see => ((string)see.Attribute("cref")!).Split('.')[^1],
        XElement element => element.Value,
        _ => "",
    };

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
