using System.Security.Cryptography;
using MlServe.Onnx;
using MlServe.Onnx.Verification;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Cli;

/// <summary>Models that are tried by the real tool before they are loaded: this process lives, whatever they do.</summary>
public sealed class VerificationTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Load_GoodModel_LoadsAfterItWasTried()
    {
        await using var predictor = await OnnxPredictor.LoadAsync(ModelSource.FromFile(Tool.Model), Options(), cancellationToken: Token);
        using var prediction = await predictor.PredictAsync(PredictionInputs.Row(Tool.Images(1)), cancellationToken: Token);
        Assert.True(prediction.IsOk);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Load_ModelThatEndsItsProcess_IsRefusedWithTheSignal(bool isSource)
    {
        var source = ModelSource.FromBytes(HostileModels.HiddenTrap());
        var options = Options();
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(
                isSource ? ModelSource.Verified(source, options.Verification) : source, isSource ? null : options, cancellationToken: Token)
                .AsTask());
        Assert.Equal(ModelLoadFailure.VerificationFailed, exception.Failure);
        if (OperatingSystem.IsLinux())
            Assert.Contains("SIGFPE, a division of integers (exit code 136)", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_ModelThatNeverEnds_IsKilled()
    {
        var options = Options();
        options.Verification.Timeout = TimeSpan.FromSeconds(2);
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromBytes(HostileModels.EndlessLoop()), options, cancellationToken: Token).AsTask());
        Assert.Equal(ModelLoadFailure.VerificationFailed, exception.Failure);
        Assert.Contains("had not ended after 00:00:02", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_OperatorThatNeverReturns_IsKilled()
    {
        var options = Options();
        options.Verification.Timeout = TimeSpan.FromSeconds(3);
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromBytes(HostileModels.LongOperator()), options, cancellationToken: Token).AsTask());
        Assert.Equal(ModelLoadFailure.VerificationFailed, exception.Failure);
        Assert.Equal(0, AbandonedCalls.Count);
    }

    [Fact]
    public async Task Load_ModelThatTakesTooMuchMemory_IsRefused()
    {
        var options = Options();
        options.Verification.MaxMemoryBytes = 1L << 30;
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromBytes(HostileModels.HiddenExpand()), options, cancellationToken: Token).AsTask());
        Assert.Equal(ModelLoadFailure.VerificationFailed, exception.Failure);
        Assert.Contains("memory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_ModelThatTheToolRefuses_HasItsReason()
    {
        // The limits of this process are wider than nothing: the tool gets them too.
        var options = Options();
        options.AllowExternalData = true;
        var model = new OnnxModel().Input("x", OnnxModel.Float, "n", 2)
            .Node("Frobnicate", ["x"], ["y"])
            .Output("y", OnnxModel.Float, "n", 2)
            .ToBytes();
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromBytes(model), options, cancellationToken: Token).AsTask());
        Assert.Equal(ModelLoadFailure.InvalidGraph, exception.Failure);
        Assert.Contains("refused by the process that tried it first", exception.Message, StringComparison.Ordinal);
        Assert.Contains("Frobnicate", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_Cancelled_KillsTheTool()
    {
        using var stop = new CancellationTokenSource();
        var loading = OnnxPredictor.LoadAsync(ModelSource.FromBytes(HostileModels.EndlessLoop()), Options(), cancellationToken: stop.Token)
            .AsTask();
        await Task.WhenAny(loading, Task.Delay(TimeSpan.FromSeconds(1), Token));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading);
    }

    [Theory]
    [InlineData("nowhere/mlserve")]
    [InlineData("bad-tool")]
    [InlineData("silent-tool")]
    public async Task Load_NoTool_IsRefusedWithTheRemedy(string tool)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("The tool that does not work is a shell script.");
        var path = Path.GetFullPath(_folder.Write("bad-tool", "#!/bin/sh\necho no; exit 3\n"u8.ToArray()));
        MakeRunnable(path);
        MakeRunnable(Path.GetFullPath(_folder.Write("silent-tool", "#!/bin/sh\nexit 0\n"u8.ToArray())));
        var options = Options();
        options.Verification.ToolPath = Path.Combine(Path.GetDirectoryName(path)!, tool);
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromFile(Tool.Model), options, cancellationToken: Token).AsTask());
        Assert.Equal(ModelLoadFailure.NotVerified, exception.Failure);
        Assert.Contains("dotnet tool install --global MlServe.Cli", exception.Message, StringComparison.Ordinal);
        Assert.Contains(options.Verification.ToolPath, exception.Message, StringComparison.Ordinal);
        if (tool == "silent-tool")
            Assert.Contains("(exit code 0): it says nothing, and is not mlserve. Install it", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_ToolOnThePath_IsFound()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("The tool on the path is a shell script.");
        var script = Path.GetFullPath(_folder.Write(
            "mlserve", System.Text.Encoding.UTF8.GetBytes($"#!/bin/sh\nexec dotnet exec '{ToolAssembly}' \"$@\"\n")));
        MakeRunnable(script);
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            Environment.SetEnvironmentVariable("PATH", $"{Path.GetDirectoryName(script)}{Path.PathSeparator}{path}");
            Assert.Equal(script, (await CheckTool.FindAsync(null, Token)).Path);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Fact]
    public async Task Load_TriedBefore_IsNotTriedAgain()
    {
        // A tool that counts how often it is called for a model.
        if (OperatingSystem.IsWindows()) Assert.Skip("The tool that counts is a shell script.");
        var calls = Path.GetFullPath(_folder["calls"]);
        var script = Path.GetFullPath(_folder.Write(
            "counting",
            System.Text.Encoding.UTF8.GetBytes(
                $"#!/bin/sh\n[ \"$2\" = --from-host ] && echo one >>'{calls}'\nexec dotnet exec '{ToolAssembly}' \"$@\"\n")));
        MakeRunnable(script);
        var model = OnnxModel.Mlp(Environment.TickCount, 4, 3);
        var options = Options();
        options.Verification.ToolPath = script;
        options.Verification.VerdictFolder = _folder["verdicts"];
        options.Verification.SealKeyFile = Path.Combine(_folder["keys"], "seal.key");

        await LoadAsync(model, options);
        await LoadAsync(model, options);
        Assert.Single(File.ReadAllLines(calls));

        // The next start finds it in the folder.
        VerdictStore.Clear();
        await LoadAsync(model, options);
        Assert.Single(File.ReadAllLines(calls));

        // A verdict that somebody else made is none.
        VerdictStore.Clear();
        var verdict = Assert.Single(Directory.GetFiles(options.Verification.VerdictFolder));
        File.WriteAllText(verdict, """{"Failure":null,"Message":"trust me"}""");
        await LoadAsync(model, options);
        Assert.Equal(2, File.ReadAllLines(calls).Length);

        // Nor is that of another model, or of other options.
        await LoadAsync(OnnxModel.Mlp(Environment.TickCount + 1, 4, 3), options);
        Assert.Equal(3, File.ReadAllLines(calls).Length);
        options.Optimization = GraphOptimization.None;
        await LoadAsync(model, options);
        Assert.Equal(4, File.ReadAllLines(calls).Length);
    }

    [Theory]
    [InlineData("exec sleep 60", 2)]
    [InlineData("kill -KILL $$", 2)]
    [InlineData("kill -SEGV $$", 1)]
    public async Task Load_RefusedBefore_IsTriedAgainWhereTheModelNeedNotBeTheCause(string end, int tries)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("The tool that ends badly is a shell script.");
        var calls = Path.GetFullPath(_folder["calls"]);
        var script = Path.GetFullPath(_folder.Write("ending", System.Text.Encoding.UTF8.GetBytes(
            "#!/bin/sh\n[ \"$2\" = --versions ] && echo '{\"Tool\":\"1\",\"Runtime\":\"1\"}' && exit 0\necho one "
            + $">>'{calls}'\n{end}\n")));
        MakeRunnable(script);
        var model = OnnxModel.Mlp(Environment.TickCount, 4, 3);
        var options = Options();
        options.Verification.ToolPath = script;
        options.Verification.Timeout = TimeSpan.FromSeconds(1);
        for (var i = 0; i < 2; i++)
        {
            var exception = await Assert.ThrowsAsync<ModelLoadException>(() => LoadAsync(model, options));
            Assert.Equal(ModelLoadFailure.VerificationFailed, exception.Failure);
        }

        Assert.Equal(tries, File.ReadAllLines(calls).Length);
    }

    /// <summary>A tool of one's own, which prints what <see cref="VerificationTool"/> gives it.</summary>
    [Theory]
    [InlineData(null, 0, null)]
    [InlineData(ModelLoadFailure.TooLarge, 1, ModelLoadFailure.TooLarge)]
    [InlineData(null, 1, ModelLoadFailure.VerificationFailed)]
    [InlineData(null, 3, ModelLoadFailure.VerificationFailed)]
    [InlineData(ModelLoadFailure.TooLarge, 0, ModelLoadFailure.VerificationFailed)]
    public async Task Load_ToolOfOnesOwn_IsBelievedWhereVerdictAndExitCodeAgree(
        ModelLoadFailure? verdict, int exitCode, ModelLoadFailure? expected)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("The tool is a shell script.");
        var versions = _folder.Write("versions", System.Text.Encoding.UTF8.GetBytes(VerificationTool.GetVersions($"{verdict} {exitCode}")));
        var said = _folder.Write("said", System.Text.Encoding.UTF8.GetBytes(VerificationTool.GetJson(new(verdict, "so it is"))));
        var script = Path.GetFullPath(_folder.Write("own", System.Text.Encoding.UTF8.GetBytes(
            $"#!/bin/sh\n[ \"$2\" = {VerificationTool.VersionsOption} ] && exec cat '{Path.GetFullPath(versions)}'\n"
            + $"cat >/dev/null\ncat '{Path.GetFullPath(said)}'\nexit {exitCode}\n")));
        MakeRunnable(script);
        var options = Options();
        options.Verification.ToolPath = script;
        var exception = await Record.ExceptionAsync(() => LoadAsync(OnnxModel.Mlp(Environment.TickCount, 4, 3), options));
        Assert.Equal(expected, (exception as ModelLoadException)?.Failure);
    }

    [Fact]
    public async Task Load_VerifiedSource_KeepsTheVerdictToTheBytes()
    {
        var source = ModelSource.Verified(ModelSource.FromFile(Tool.Model), Options().Verification);
        var content = await source.ReadAsync(Token);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span)), content.Verified?.Digest);

        // What is changed on the way is another model, verified or not.
        var changed = content with { Bytes = OnnxModel.Mlp(1, 4, 3) };
        Assert.NotEqual(Convert.ToHexStringLower(SHA256.HashData(changed.Bytes.Span)), changed.Verified?.Digest);
    }

    [Fact]
    public void Verified_OptionsOutOfRange_Throws()
    {
        Assert.Contains(
            "MaxMemoryBytes is 1",
            Assert.Throws<ArgumentException>(() =>
                ModelSource.Verified(ModelSource.FromFile("m.onnx"), new() { MaxMemoryBytes = 1 })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => ModelSource.Verified(null!));
    }

    private static string ToolAssembly => Path.Combine(AppContext.BaseDirectory, "mlserve.dll");

    private static OnnxModelOptions Options()
    {
        var options = new OnnxModelOptions { Verify = ModelVerification.InChildProcess, WarmUpRuns = 1 };
        options.Verification.ToolPath = ToolAssembly;
        return options;
    }

    private static void MakeRunnable(string script)
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private static async Task LoadAsync(byte[] model, OnnxModelOptions options)
    {
        await using var predictor = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(model), options, cancellationToken: Token);
    }
}
