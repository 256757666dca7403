using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using MlServe.Docs.Markdown;

namespace MlServe.Docs.Samples;

/// <summary>A block of C# together with the blocks of its document that it is compiled with.</summary>
internal sealed class Sample
{
    private const string CSharp = "csharp";

    private Sample(CodeBlock block, IReadOnlyList<CodeBlock> others)
    {
        Block = block;
        Files = [block, .. others.Where(static other => other.Language == CSharp)];
        Settings = others.FirstOrDefault(static other => other.Language == "json");
        var unit = SyntaxFactory.ParseCompilationUnit(block.Text);
        HasStatements = unit.Members.Any(static member => member is GlobalStatementSyntax);
        IsProgram = HasStatements && unit.Usings.Count > 0;
        IsWeb = block.Marker is { IsWeb: true } || (IsProgram && block.Text.Contains("WebApplication.", StringComparison.Ordinal));
        Runs = IsWeb || block.Marker is { Runs: true } || (IsProgram && block.Text.Contains("Host.Create", StringComparison.Ordinal));
    }

    public CodeBlock Block { get; }

    /// <summary>The block and the others that are compiled with it.</summary>
    public IReadOnlyList<CodeBlock> Files { get; }

    /// <summary>The <c>appsettings.json</c> that it is run with.</summary>
    public CodeBlock? Settings { get; }

    /// <summary>Whether there are statements: what is compiled is a program then, else a library.</summary>
    public bool HasStatements { get; }

    /// <summary>Whether the block stands for itself, with <c>using</c>s of its own; if not, it may use <see cref="SampleNames"/>.</summary>
    public bool IsProgram { get; }

    public bool IsWeb { get; }

    public bool Runs { get; }

    /// <summary>The samples of a document.</summary>
    /// <exception cref="FormatException">A sample is to be compiled with one that there is not.</exception>
    public static IReadOnlyList<Sample> Of(MarkdownDocument document)
    {
        var blocks = document.Blocks.Where(static block => block.Marker?.Skip is null).ToList();
        return [.. blocks.Where(static block => block.Language == CSharp)
            .Select(block => new Sample(block, [.. (block.Marker?.With ?? []).Select(name => Find(block, name))]))];

        CodeBlock Find(CodeBlock block, string name) => blocks.Find(other => other.Marker?.Name == name)
            ?? throw new FormatException($"{block.Place}: there is no sample '{name}' in this document to compile it with.");
    }
}
