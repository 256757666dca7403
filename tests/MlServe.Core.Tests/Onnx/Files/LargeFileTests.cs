using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Onnx.Files;
using MlServe.TestModels;

namespace MlServe.Tests.Onnx.Files;

/// <summary>A session runs exactly the bytes that were checked, though they are not held beside it.</summary>
public sealed class LargeFileTests : IDisposable
{
    private const int Width = 1200;

    private static readonly byte[] Checked = OnnxModel.Mlp(1, Width, Width, Width);
    private static readonly byte[] Other = OnnxModel.Mlp(2, Width, Width, Width);

    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-large-").FullName;

    public enum Attack
    {
        Rewrite,
        RewriteAndBack,
        Truncate,
        Empty,
        Grow,
        Replace,
        Delete,
    }

    public static TheoryData<Attack> Attacks => [.. Enum.GetValues<Attack>()];

    private string Model => Path.Combine(_folder, "model.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task Open_FileAttackedAfterItWasChecked_RunsTheCheckedBytes(Attack attack)
    {
        using var file = await ReadAsync();
        Do(attack);
        using var session = Open(file);
        Assert.Equal(AnswerOf(Checked), AnswerOf(session));
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task Open_FileAttackedWhileItFlows_RunsTheCheckedBytes(Attack attack)
    {
        using var file = await ReadAsync();
        using var session = file.Open(
            path =>
            {
                Do(attack);
                return new InferenceSession(path);
            },
            NoArray, CancellationToken.None);
        Assert.Equal(AnswerOf(Checked), AnswerOf(session));
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task Open_FileAttackedBeforeFurtherSession_RunsTheCheckedBytesOrRefuses(Attack attack)
    {
        using var file = await ReadAsync();
        using (Open(file))
            Do(attack);
        if (attack == Attack.RewriteAndBack)
        {
            using var again = Open(file);
            Assert.Equal(AnswerOf(Checked), AnswerOf(again));
            return;
        }

        var exception = Assert.Throws<ModelLoadException>(() => Open(file));
        Assert.Contains(Model, exception.Message, StringComparison.Ordinal);
        Assert.True(exception.Failure is ModelLoadFailure.Unreadable or ModelLoadFailure.Empty, exception.Failure.ToString());
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task Read_FileAttackedWhileItIsRead_DigestIsOfTheBytesThatFlow(Attack attack)
    {
        await File.WriteAllBytesAsync(Model, Checked);
        var target = new FileTarget(1);
        try
        {
            RegularFile.ReadInto(target, Model, int.MaxValue, check: _ => Do(attack));
        }
        catch (FileRefusedException refused)
        {
            target.Large?.Dispose();
            Assert.Equal(FileRefusal.Changed, refused.Refusal);
            return;
        }

        var inspected = target.Bytes.ToArray();
        using var file = new LargeFile(target, Model, static _ => throw new InvalidOperationException("There is no need to."));
        using var flown = file.Open(Flown.Read, NoFlown, CancellationToken.None);
        Assert.Equal(inspected, flown.Bytes);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(inspected)), await file.Digest);
    }

    [Fact]
    public async Task Open_ReaderThatReadsNothing_GetsTheBytesAndNoPipeIsLeft()
    {
        using var file = await ReadAsync();
        var pipe = "";
        using var opened = file.Open<Flown>(
            path =>
            {
                pipe = new FileInfo(path).LinkTarget!;
                throw new NotSupportedException("It takes no pipe.");
            },
            static bytes => new(bytes), CancellationToken.None);
        Assert.Equal(Checked, opened.Bytes);
        Assert.StartsWith("pipe:", pipe, StringComparison.Ordinal);
        Assert.DoesNotContain(pipe, Directory.GetFiles("/proc/self/fd").Select(LinkOf));
    }

    [Fact]
    public async Task Open_ReaderThatStopsEarly_IsClosedAndGetsTheBytes()
    {
        using var file = await ReadAsync();
        Flown? early = null;
        using var opened = file.Open(
            path =>
            {
                using var stream = File.OpenRead(path);
                var some = new byte[100];
                stream.ReadExactly(some);
                return early = new(some);
            },
            static bytes => new(bytes), CancellationToken.None);
        Assert.Equal(Checked, opened.Bytes);
        Assert.True(early!.IsDisposed);
    }

    [Fact]
    public async Task Open_CancelledWhileItFlows_GivesNoBeginningOfAModel()
    {
        using var file = await ReadAsync();
        using var cancelled = new CancellationTokenSource();
        Flown? beginning = null;
        Assert.ThrowsAny<OperationCanceledException>(() => file.Open(
            path =>
            {
                cancelled.Cancel();
                return beginning = Flown.Read(path);
            },
            NoFlown, cancelled.Token));
        Assert.True(beginning is null || (beginning.IsDisposed && beginning.Bytes.Length < Checked.Length));
    }

    [Fact]
    public async Task Load_SeveralSessionsAndLargeFile_AnswersLikeTheArray()
    {
        await File.WriteAllBytesAsync(Model, Checked);
        var options = new OnnxModelOptions { Sessions = 2 };
        await using var fromFile = await OnnxPredictor.LoadAsync(ModelSource.FromFile(Model), options);
        await using var fromBytes = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(Checked), options);
        var description = Assert.IsType<OnnxModelDescription>(fromFile.GetService(typeof(OnnxModelDescription)));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Checked)), description.Identity.Digest);
        Assert.Equal(Checked.Length, description.SizeInBytes);
        var row = PredictionInputs.Row(Enumerable.Range(0, Width).Select(static number => number / 100f).ToArray());
        using var expected = await fromBytes.PredictAsync(row);
        using var answer = await fromFile.PredictAsync(row);
        Assert.True(answer.IsOk);
        var output = fromFile.Signature.Outputs[0].Name;
        Assert.Equal(expected[output].AsSpan<float>().ToArray(), answer[output].AsSpan<float>().ToArray());
    }

    [Fact]
    public async Task Load_LargeFileThatTheRuntimeRefuses_NamesTheFile()
    {
        // A graph whose output no node makes: it is well formed, and no session is made of it.
        var bad = Checked.ToArray();
        var at = bad.AsSpan().LastIndexOf("MatMul"u8) is var found && found >= 0 ? found : bad.AsSpan().LastIndexOf("Gemm"u8);
        bad[at] = (byte)'X';
        await File.WriteAllBytesAsync(Model, bad);
        var exception = await Assert.ThrowsAsync<ModelLoadException>(
            async () => await OnnxPredictor.LoadAsync(ModelSource.FromFile(Model)));
        Assert.Contains(Model, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("/proc/self/fd", exception.Message, StringComparison.Ordinal);
    }

    private static string? LinkOf(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static InferenceSession NoArray(byte[] bytes) => throw new InvalidOperationException("The runtime reads a pipe.");

    private static Flown NoFlown(byte[] bytes) => throw new InvalidOperationException("It reads a pipe.");

    private static InferenceSession Open(LargeFile file) =>
        file.Open(static path => new InferenceSession(path), NoArray, CancellationToken.None);

    private static float[] AnswerOf(byte[] model)
    {
        using var session = new InferenceSession(model);
        return AnswerOf(session);
    }

    private static float[] AnswerOf(InferenceSession session)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(
            Enumerable.Range(0, Width).Select(static number => number / 100f).ToArray(), [1, Width]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, [session.InputNames[0]], [input], session.OutputNames);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private async Task<LargeFile> ReadAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere the array stays.");
        await File.WriteAllBytesAsync(Model, Checked);
        var content = await new FileModelSource(Model, int.MaxValue).ForLoad().ReadAsync();
        return Assert.IsType<LargeFile>(content.Held);
    }

    private void Do(Attack attack)
    {
        switch (attack)
        {
            case Attack.Rewrite:
                File.WriteAllBytes(Model, Other);
                break;
            case Attack.RewriteAndBack:
                File.WriteAllBytes(Model, Other);
                File.WriteAllBytes(Model, Checked);
                break;
            case Attack.Truncate:
                using (var stream = File.OpenWrite(Model))
                    stream.SetLength(Checked.Length - 1000);
                break;
            case Attack.Empty:
                File.WriteAllBytes(Model, []);
                break;
            case Attack.Grow:
                File.AppendAllBytes(Model, [0x58, 1]);
                break;
            case Attack.Replace:
                File.WriteAllBytes(Model + ".new", Other);
                File.Move(Model + ".new", Model, overwrite: true);
                break;
            default:
                File.Delete(Model);
                break;
        }
    }

    private sealed class Flown(byte[] bytes) : IDisposable
    {
        public byte[] Bytes { get; } = bytes;

        public bool IsDisposed { get; private set; }

        public static Flown Read(string path)
        {
            using var stream = File.OpenRead(path);
            using var all = new MemoryStream();
            stream.CopyTo(all);
            return new(all.ToArray());
        }

        public void Dispose() => IsDisposed = true;
    }
}
