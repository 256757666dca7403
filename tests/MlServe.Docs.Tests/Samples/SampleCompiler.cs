using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using MlServe.Docs.Markdown;

namespace MlServe.Docs.Samples;

/// <summary>
/// Compiles samples as a project of the SDK would: against MlServe, .NET and ASP.NET Core, with the SDK's implicit usings.
/// </summary>
internal static class SampleCompiler
{
    private const string ConsoleUsings =
        """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private const string WebUsings =
        """
        global using System.Net.Http.Json;
        global using Microsoft.AspNetCore.Builder;
        global using Microsoft.AspNetCore.Hosting;
        global using Microsoft.AspNetCore.Http;
        global using Microsoft.AspNetCore.Routing;
        global using Microsoft.Extensions.Configuration;
        global using Microsoft.Extensions.DependencyInjection;
        global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging;
        """;

    // A part of a program does not say what it uses; a whole one must.
    private const string PartUsings =
        """
        global using MlServe;
        global using MlServe.Docs.Samples;
        global using MlServe.Onnx;
        global using MlServe.Onnx.Inspection;
        global using MlServe.Resilience;
        global using MlServe.Tensors;
        global using MlServe.Testing;
        global using System.Numerics.Tensors;
        global using static MlServe.Docs.Samples.SampleNames;
        """;

    private const string Attachment =
        """
        static file class Attachment
        {
            [System.Runtime.CompilerServices.ModuleInitializer]
            internal static void Attach() => MlServe.Docs.Samples.SampleHost.Attach();
        }
        """;

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest);

    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(static path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>Compiles a sample.</summary>
    /// <returns>The errors, each with document and line; none where it compiles.</returns>
    public static IReadOnlyList<string> Check(Sample sample) =>
        [.. Compile(sample).GetDiagnostics().Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(Describe)];

    /// <summary>Compiles a program to a file that can be run and watched.</summary>
    /// <exception cref="InvalidOperationException">It does not compile.</exception>
    public static void Emit(Sample sample, string path)
    {
        EmitResult result;
        using (var file = File.Create(path))
            result = Compile(sample).AddSyntaxTrees(Tree(Attachment, "Attachment.cs")).Emit(file);
        if (result.Success) return;
        File.Delete(path);
        throw new InvalidOperationException(string.Join('\n', Check(sample)));
    }

    private static CSharpCompilation Compile(Sample sample)
    {
        var usings = sample switch
        {
            { IsProgram: false } => $"{ConsoleUsings}\n{WebUsings}\n{PartUsings}",
            { IsWeb: true } => $"{ConsoleUsings}\n{WebUsings}",
            _ => ConsoleUsings,
        };
        return CSharpCompilation.Create(
            "sample", [Tree(usings, "Usings.cs"), .. sample.Files.Select(Tree)], References,
            new(sample.HasStatements
                ? OutputKind.ConsoleApplication
                : OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
    }

    private static SyntaxTree Tree(CodeBlock block) => Tree($"#line {block.Line} \"{block.Document}\"\n{block.Text}", block.Place);

    private static SyntaxTree Tree(string text, string path) => CSharpSyntaxTree.ParseText(text, ParseOptions, path);

    private static string Describe(Diagnostic diagnostic)
    {
        var place = diagnostic.Location.GetMappedLineSpan();
        return $"{place.Path}:{place.StartLinePosition.Line + 1}: {diagnostic.Id} "
            + $"{diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}";
    }
}
