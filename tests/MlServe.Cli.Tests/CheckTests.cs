using System.Text.Json;
using MlServe.Onnx.Verification;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Cli;

/// <summary><c>mlserve check</c>: the process may die of a model; who called it is told.</summary>
public sealed class CheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Check_GoodModel_SaysThatItLoads()
    {
        var tool = await Tool.RunAsync("check", Tool.Model);

        Assert.Equal((0, ""), (tool.ExitCode, tool.Error));
        Assert.StartsWith("loads. ", tool.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_Json_IsJsonAlone()
    {
        var verdict = JsonDocument.Parse((await Tool.RunAsync("check", Tool.Model, "--json")).Output).RootElement;
        Assert.Equal(JsonValueKind.Null, verdict.GetProperty("Failure").ValueKind);

        var tool = await Tool.RunAsync("check", _folder.Write("bad.onnx", HostileModels.Bounded["Expand"]), "--json");
        Assert.Equal(1, tool.ExitCode);
        Assert.Equal(nameof(ModelLoadFailure.TooLarge), JsonDocument.Parse(tool.Output).RootElement.GetProperty("Failure").GetString());
    }

    [Fact]
    public async Task Check_RefusedModel_SaysWhyAndEndsWith1()
    {
        var tool = await Tool.RunAsync("check", _folder.Write("bad.onnx", [1, 2, 3]));

        Assert.Equal((1, ""), (tool.ExitCode, tool.Output));
        Assert.StartsWith("refused, Malformed: ", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_ModelTakesTooMuchMemory_IsRefusedByTheOperatingSystem()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("Elsewhere who starts the tool watches its memory.");
        var tool = await Tool.RunAsync("check", _folder.Write("hidden.onnx", HostileModels.HiddenExpand()), "--memory", "1024");

        Assert.Equal(1, tool.ExitCode);
        Assert.StartsWith("refused, VerificationFailed: ", tool.Error, StringComparison.Ordinal);
        Assert.Contains("takes more memory than", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_ModelTraps_EndsTheToolAndNothingElse()
    {
        var tool = await Tool.RunAsync("check", _folder.Write("trap.onnx", HostileModels.HiddenTrap()));

        Assert.False(tool.ExitCode is 0 or 1 or 2, tool.Error);
        Assert.Equal("", tool.Output);
    }

    [Fact]
    public async Task Check_Versions_AreThoseOfTheToolAndItsRuntime()
    {
        var versions = JsonDocument.Parse((await Tool.RunAsync("check", "--versions")).Output).RootElement;

        Assert.NotEqual("", versions.GetProperty("Tool").GetString());
        Assert.Matches(@"^\d+\.\d+\.\d+", versions.GetProperty("Runtime").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    public async Task Check_NoRequestFromTheHost_SaysSoAndEndsWith2(string request)
    {
        using var process = Tool.Start("check", CheckTool.HostOption);
        await process.StandardInput.WriteLineAsync(request);
        process.StandardInput.Close();
        var tool = await Tool.EndAsync(process);

        Assert.Equal((2, ""), (tool.ExitCode, tool.Output));
        Assert.StartsWith("The standard input does not begin with a request.", tool.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_NoModel_EndsWith2() => Assert.Equal(2, (await Tool.RunAsync("check")).ExitCode);
}
