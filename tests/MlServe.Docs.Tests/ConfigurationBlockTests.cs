using System.Text.Json;
using System.Text.Json.Nodes;
using MlServe.Docs.Markdown;
using MlServe.Docs.Samples;
using Xunit;

namespace MlServe.Docs;

public sealed class ConfigurationBlockTests
{
    private const string Section = "MlServing";

    private static readonly JsonDocumentOptions AsConfiguration = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    private static readonly Dictionary<string, CodeBlock> Blocks = Repository.Documents
        .SelectMany(static name => MarkdownDocument.Load(name).Blocks)
        .Where(static block => block.Language == "json" && block.Text.Contains($"\"{Section}\"", StringComparison.Ordinal))
        .ToDictionary(static block => block.Place, StringComparer.Ordinal);

    public static TheoryData<string> All => [.. Blocks.Keys];

    [Theory]
    [MemberData(nameof(All))]
    public async Task Block_AsAppSettings_IsAcceptedByAHost(string place)
    {
        using var folder = new SampleFolder();
        var (code, output) = await StartHostAsync(Blocks[place].Text, folder);
        Assert.True(code == 0, $"{place} is not accepted:\n{output}");
        Assert.Contains("models: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_UnknownKey_Refuses()
    {
        using var folder = new SampleFolder();
        var (code, output) = await StartHostAsync(
            """{ "MlServing": { "Models": { "digits": { "Path": "models/digits.onnx", "Onnx": { "IntraOpThread": 1 } } } } }""", folder);
        Assert.NotEqual(0, code);
        Assert.Contains(
            "MlServing:Models:digits:Onnx:IntraOpThread is not a known key. Did you mean 'IntraOpThreads'?", output,
            StringComparison.Ordinal);
    }

    /// <summary>Starts a host of its own, because some options hold for a whole process.</summary>
    private static async Task<(int Code, string Output)> StartHostAsync(string json, SampleFolder folder)
    {
        await File.WriteAllTextAsync(folder.PathOf("appsettings.json"), json, TestContext.Current.CancellationToken);
        var models = JsonNode.Parse(json, documentOptions: AsConfiguration)![Section]!["Models"] as JsonObject ?? [];
        var added = "";
        foreach (var (name, model) in models)
        {
            if (model!["Path"]?.GetValue<string>() is { } path) folder.AddModel("digits.onnx", path);
            else added += $".AddModel(\"{name}\", model => model.FromFile(\"digits.onnx\"))";
        }

        var program = $$"""
            ```csharp
            using Microsoft.Extensions.DependencyInjection;
            using Microsoft.Extensions.Hosting;
            using MlServe;

            var builder = Host.CreateApplicationBuilder(args);
            builder.Services.AddMlServing().AddQuantization(){{added}};
            using var host = builder.Build();
            await host.StartAsync();
            Console.WriteLine($"models: {string.Join(", ", host.Services.GetRequiredService<IPredictorProvider>().Names)}");
            await host.StopAsync();
            ```
            """;
        await using var process = SampleProcess.Start(Sample.Of(MarkdownDocument.Parse("host.md", program)).Single(), folder);
        var code = await process.StopAsync(TestContext.Current.CancellationToken);
        return (code, process.Output);
    }
}
