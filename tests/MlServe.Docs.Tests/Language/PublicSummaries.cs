using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MlServe.Benchmarking;
using MlServe.Onnx;
using MlServe.Quantization;
using MlServe.Testing;

namespace MlServe.Docs.Language;

/// <summary>The summaries of all that the packages document, as sentences.</summary>
internal static partial class PublicSummaries
{
    public static IReadOnlyList<Assembly> Packages { get; } =
    [
        typeof(OnnxPredictor).Assembly, typeof(MlServingOptions).Assembly, typeof(OnnxQuantizer).Assembly, typeof(FakePredictor).Assembly,
        typeof(CallLatency).Assembly,
    ];

    public static IEnumerable<Sentence> All() =>
        from package in Packages
        from member in XDocument.Load(Path.ChangeExtension(package.Location, ".xml")).Descendants("member")
        let summary = member.Element("summary")
        where summary is not null
        from sentence in Sentence.Split(member.Attribute("name")!.Value, Spaces.Replace(TextOf(summary), " ").Trim())
        select sentence;

    private static string TextOf(XElement element) => string.Concat(element.Nodes().Select(static node => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" or "seealso" or "paramref" or "typeparamref" or "c" } => Prose.Code,
        XElement { Name.LocalName: "code" } => "",
        XElement inner => $" {TextOf(inner)} ",
        _ => "",
    }));

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces { get; }
}
