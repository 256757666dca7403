using System.Text;
using System.Text.RegularExpressions;
using Markdig;
using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace MlServe.Docs.Language;

/// <summary>The prose of a document: its paragraphs, without headings, tables and code.</summary>
internal static partial class Prose
{
    /// <summary>A word in the place of code, which is read as one thing.</summary>
    public const string Code = "Code";

    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().Build();

    public static IEnumerable<Sentence> OfDocument(string name, string markdown)
    {
        var document = Markdig.Markdown.Parse(markdown, Pipeline);
        return document.Descendants<ParagraphBlock>().Where(static paragraph => !IsInTable(paragraph) && paragraph.Inline is not null)
            .SelectMany(paragraph => Sentence.Split(name, Spaces.Replace(TextOf(paragraph.Inline!), " ").Trim()));
    }

    private static bool IsInTable(Block block)
    {
        for (var parent = block.Parent; parent is not null; parent = parent.Parent)
        {
            if (parent is Table) return true;
        }

        return false;
    }

    private static string TextOf(ContainerInline container)
    {
        var text = new StringBuilder();
        foreach (var inline in container)
        {
            text.Append(inline switch
            {
                LiteralInline literal => literal.Content.ToString(),
                CodeInline => Code,
                LineBreakInline => " ",
                LinkInline { IsImage: true } => "",
                ContainerInline inner => TextOf(inner),
                _ => "",
            });
        }

        return text.ToString();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces { get; }
}
