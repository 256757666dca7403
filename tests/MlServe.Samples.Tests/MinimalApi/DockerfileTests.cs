using System.Diagnostics;
using System.IO.Enumeration;
using System.Xml.Linq;

namespace MlServe.Samples.MinimalApi;

/// <summary>Looks at the Dockerfile as a linter does, and follows its steps where there is no container engine.</summary>
public sealed class DockerfileTests
{
    private static readonly Dockerfile File = Dockerfile.Read();

    [Fact]
    public void Images_Always_NameTheirVersion() => Assert.All(
        File.Stages, static stage => Assert.Matches(@"^mcr\.microsoft\.com/dotnet/\w+:10\.0", stage[0].Arguments[0]));

    [Fact]
    public void FinalStage_Always_IsChiselledAndHasNoShell()
    {
        Assert.EndsWith("-chiseled", File.Final[0].Arguments[0], StringComparison.Ordinal);
        Assert.DoesNotContain(File.Final, static instruction => instruction.Name is "RUN" or "ADD" or "SHELL");
        Assert.StartsWith("[\"dotnet\", ", One(File.Final, "ENTRYPOINT").Text, StringComparison.Ordinal);
        Assert.Contains(
            "CMD [\"dotnet\", \"MinimalApi.dll\", \"--health\"]", One(File.Final, "HEALTHCHECK").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void FinalStage_Always_RunsWithoutRightsAndWritesNothing()
    {
        Assert.Equal("$APP_UID", One(File.Final, "USER").Text);
        var environment = One(File.Final, "ENV").Arguments;
        Assert.Contains("DOTNET_EnableDiagnostics=0", environment);
        Assert.Contains($"ASPNETCORE_HTTP_PORTS={One(File.Final, "EXPOSE").Text}", environment);
    }

    [Fact]
    public void BuildStage_Always_RestoresBeforeItCopiesSources()
    {
        var restore = File.Build.ToList()
            .FindIndex(static instruction => instruction.Text.StartsWith("dotnet restore ", StringComparison.Ordinal));
        var before = File.Build.Take(restore)
            .Where(static instruction => instruction.Name == "COPY")
            .SelectMany(static copy => copy.Arguments[..^1]).ToList();
        Assert.All(before, static file => Assert.True(System.IO.File.Exists(Path.Combine(Repository.Root, file)), file));
        foreach (var project in ProjectsBehind("samples/MinimalApi/MinimalApi.csproj"))
        {
            Assert.Contains(project, before);
            Assert.Contains($"{Path.GetDirectoryName(project)}/packages.lock.json", before);
        }
    }

    [Fact]
    public void Context_Always_HoldsWhatIsCopied()
    {
        var kept = Repository.Read(".dockerignore")
            .Split('\n')
            .Where(static line => line.StartsWith('!'))
            .Select(static line => line[1..]).ToList();
        Assert.All(
            File.Build.Where(static instruction => instruction.Name == "COPY").SelectMany(static copy => copy.Arguments[..^1]),
            source => Assert.Contains(
                kept,
                name => source.TrimEnd('/') == name || source.StartsWith($"{name}/", StringComparison.Ordinal)
                    || FileSystemName.MatchesSimpleExpression(name, source)));
    }

    [Fact]
    public async Task Steps_OutsideAContainer_MakeAServiceThatIsReady()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The steps are those of Linux.");
        var root = Directory.CreateTempSubdirectory("mlserve-image-");
        try
        {
            var workFolder = root.FullName;
            foreach (var step in File.Build.Skip(1))
            {
                switch (step.Name)
                {
                    case "WORKDIR":
                        workFolder = Directory.CreateDirectory(root.FullName + step.Text).FullName;
                        break;
                    case "COPY":
                        foreach (var source in step.Arguments[..^1])
                            Copy(source, Path.Combine(workFolder, step.Arguments[^1]));
                        break;
                    case "RUN":
                        await RunAsync(step.Text.Replace(" /app", $" {root.FullName}/app", StringComparison.Ordinal), workFolder);
                        break;
                }
            }

            var program = Path.Combine(root.FullName, "app", "MinimalApi.dll");
            await using var service = SampleProcess.Start(
                "dotnet", [program, "--urls", "http://127.0.0.1:0"], ("DOTNET_EnableDiagnostics", "0"), ("DOTNET_PROCESSOR_COUNT", "1"));
            using var client = new HttpClient { BaseAddress = await MinimalApiProcess.AddressOfAsync(service) };
            var cancellation = TestContext.Current.CancellationToken;
            Assert.Equal("Healthy", await client.GetStringAsync("health/ready", cancellation));
            Assert.Contains("<canvas", await client.GetStringAsync("", cancellation), StringComparison.Ordinal);
            Assert.Contains(
                (await client.GetStringAsync("metrics", cancellation)).Split('\n'),
                static line => line.StartsWith("mlserve_run_limit{", StringComparison.Ordinal)
                    && line.EndsWith("} 1", StringComparison.Ordinal));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    private static Dockerfile.Instruction One(IEnumerable<Dockerfile.Instruction> stage, string name) =>
        Assert.Single(stage, instruction => instruction.Name == name);

    private static HashSet<string> ProjectsBehind(string project)
    {
        var known = new HashSet<string> { project };
        var document = XDocument.Load(Path.Combine(Repository.Root, project));
        foreach (var reference in document.Descendants("ProjectReference").Select(static element => element.Attribute("Include")!.Value))
        {
            var path = Path.GetFullPath(Path.Combine(Repository.Root, Path.GetDirectoryName(project)!, reference));
            known.UnionWith(ProjectsBehind(Path.GetRelativePath(Repository.Root, path)));
        }

        return known;
    }

    // As COPY does: a folder's content, or files by name or pattern, into the target.
    private static void Copy(string source, string target)
    {
        var isFolder = source.EndsWith('/');
        var from = Path.Combine(Repository.Root, isFolder ? source : Path.GetDirectoryName(source)!);
        var files = isFolder
            ? Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories)
            : Directory.EnumerateFiles(from, Path.GetFileName(source));
        foreach (var file in files)
        {
            var copy = Path.Combine(target, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            System.IO.File.Copy(file, copy, overwrite: true);
        }
    }

    private static async Task RunAsync(string command, string workFolder)
    {
        // No compiler or build server may outlive the test.
        var start = new ProcessStartInfo("sh", ["-c", command]) { WorkingDirectory = workFolder, RedirectStandardOutput = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{command}\n{output}");
    }
}
