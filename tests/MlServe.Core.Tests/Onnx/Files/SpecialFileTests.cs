using System.Diagnostics;
using System.Net.Sockets;

namespace MlServe.Onnx.Files;

/// <summary>Whatever lies at a model's path: it is read to its end, or refused; never waited for.</summary>
public sealed class SpecialFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Load_Pipe_IsRefusedAtOnce()
    {
        SkipUnlessLinux();
        var path = await MakePipeAsync("pipe");
        var link = PathOf("link.onnx");
        File.CreateSymbolicLink(link, path);
        foreach (var pipe in (string[])[path, link])
            Ask.Says((await RefusedAsync(pipe, ModelLoadFailure.Unreadable)).Message, pipe, "is a pipe", "path of a file");
    }

    [Theory]
    [InlineData("/dev/zero", "device")]
    [InlineData("/dev/urandom", "device")]
    [InlineData("/dev/null", "device")]
    [InlineData("/dev/full", "device")]
    public async Task Load_Device_IsRefusedAtOnce(string path, string kind)
    {
        SkipUnlessLinux();
        Ask.Says((await RefusedAsync(path, ModelLoadFailure.Unreadable)).Message, path, kind);
    }

    [Fact]
    public async Task Load_Socket_IsRefused()
    {
        SkipUnlessLinux();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(PathOf("s")));
        Ask.Says((await RefusedAsync(PathOf("s"), ModelLoadFailure.Unreadable)).Message, "is a socket");
    }

    [Fact]
    public async Task Load_FileOfTheKernelThatClaimsToBeEmpty_IsRefused()
    {
        SkipUnlessLinux();
        Ask.Says((await RefusedAsync("/proc/self/status", ModelLoadFailure.Unreadable)).Message, "it had 0 bytes and has more");
    }

    [Fact]
    public async Task Load_LinksInACircle_IsRefused()
    {
        File.CreateSymbolicLink(PathOf("a.onnx"), PathOf("b.onnx"));
        File.CreateSymbolicLink(PathOf("b.onnx"), PathOf("a.onnx"));
        await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromFile(PathOf("a.onnx")), cancellationToken: Token).AsTask());
    }

    [Fact]
    public async Task Load_Link_IsFollowed()
    {
        File.WriteAllBytes(PathOf("m.onnx"), TinyModels.Affine().ToArray());
        File.CreateSymbolicLink(PathOf("link.onnx"), PathOf("m.onnx"));
        await using var predictor = await OnnxPredictor.LoadAsync(ModelSource.FromFile(PathOf("link.onnx")), cancellationToken: Token);
    }

    [Fact]
    public async Task Load_HugeFileOfNothing_IsRefusedWithoutReadingIt()
    {
        // A hole takes no room on the disk; reading it would take as much memory as it claims.
        MakeHole("huge.onnx", 4L << 30);
        Ask.Says(
            (await RefusedAsync(PathOf("huge.onnx"), ModelLoadFailure.TooLarge)).Message, "4294967296 bytes", "MaxModelBytes", "2 GiB");

        MakeHole("large.onnx", 64L << 20);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Ask.Says((await RefusedAsync(PathOf("large.onnx"), ModelLoadFailure.Malformed)).Message, "begins with nothing but zeros");
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 100L << 20);
    }

    [Fact]
    public async Task Load_LargerThanAllowed_IsRefusedFromAnySource()
    {
        var bytes = TinyModels.Affine().ToArray();
        File.WriteAllBytes(PathOf("m.onnx"), bytes);
        foreach (var source in (IModelSource[])[ModelSource.FromFile(PathOf("m.onnx"), 10), ModelSource.FromBytes(bytes),
            ModelSource.FromFile(PathOf("m.onnx"))])
        {
            var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
                OnnxPredictor.LoadAsync(source, new() { MaxModelBytes = 10 }, cancellationToken: Token).AsTask());
            Assert.Equal(ModelLoadFailure.TooLarge, exception.Failure);
            Ask.Says(exception.Message, "MaxModelBytes", "10");
        }
    }

    [Fact]
    public void Read_FileShrinksMeanwhile_IsRefused()
    {
        File.WriteAllBytes(PathOf("f"), new byte[9 << 20]);
        var exception = Assert.Throws<FileRefusedException>(() => RegularFile.Read(PathOf("f"), long.MaxValue, check: _ =>
        {
            using var file = new FileStream(PathOf("f"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.SetLength(5 << 20);
        }, cancellationToken: Token));
        Assert.Equal(FileRefusal.Changed, exception.Refusal);
        Ask.Says(exception.Message, "9437184 bytes and ends after 5242880", "move them into place");
    }

    [Fact]
    public void Read_FileGrowsMeanwhile_IsRefused()
    {
        File.WriteAllBytes(PathOf("f"), new byte[1000]);
        var exception = Assert.Throws<FileRefusedException>(() =>
            RegularFile.Read(PathOf("f"), long.MaxValue, check: _ => File.AppendAllText(PathOf("f"), "more"), cancellationToken: Token));
        Assert.Equal(FileRefusal.Changed, exception.Refusal);
    }

    [Fact]
    public void Read_AnotherFileTakesItsPlace_IsTheFirst()
    {
        File.WriteAllBytes(PathOf("f"), [1, 2, 3]);
        Assert.Equal([1, 2, 3], RegularFile.Read(PathOf("f"), long.MaxValue, check: _ =>
        {
            File.WriteAllBytes(PathOf("g"), [4, 5, 6, 7]);
            File.Move(PathOf("g"), PathOf("f"), overwrite: true);
        }, cancellationToken: Token));
    }

    [Fact]
    public void Read_Cancelled_Stops()
    {
        File.WriteAllBytes(PathOf("f"), new byte[9 << 20]);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            RegularFile.Read(PathOf("f"), long.MaxValue, check: _ => stop.Cancel(), cancellationToken: stop.Token));
    }

    [Fact]
    public void Read_LinksNotFollowed_RefusesALink()
    {
        SkipUnlessLinux();
        File.WriteAllBytes(PathOf("f"), [1]);
        File.CreateSymbolicLink(PathOf("l"), PathOf("f"));
        Assert.Equal(
            FileRefusal.NotRegular,
            Assert.Throws<FileRefusedException>(() =>
                RegularFile.Read(PathOf("l"), 10, followLinks: false, cancellationToken: Token)).Refusal);
    }

    [Fact]
    public async Task Load_WeightsInAPipe_IsRefused()
    {
        SkipUnlessLinux();
        await MakePipeAsync("weights.bin");
        File.WriteAllBytes(
            PathOf("m.onnx"), new TinyOnnx().Input("x", MlServe.Tensors.ElementType.Float, "N", 2).ExternalWeight("w", "weights.bin", 2)
            .Node("Add", "x w", "y").Output("y", MlServe.Tensors.ElementType.Float, "N", 2).ToArray());
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromFile(PathOf("m.onnx")), new() { AllowExternalData = true }, cancellationToken: Token)
                .AsTask());
        Assert.Equal(ModelLoadFailure.ExternalData, exception.Failure);
        Ask.Says(exception.Message, "weights.bin", "pipe");
    }

    private static void SkipUnlessLinux()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("What a path stands for is told on Linux alone.");
    }

    private static async Task<ModelLoadException> RefusedAsync(string path, ModelLoadFailure failure)
    {
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            OnnxPredictor.LoadAsync(ModelSource.FromFile(path), cancellationToken: Token).AsTask());
        Assert.True(failure == exception.Failure, $"{exception.Failure}: {exception.Message}");
        return exception;
    }

    private async Task<string> MakePipeAsync(string name)
    {
        using var make = Process.Start("mkfifo", [PathOf(name)]);
        await make.WaitForExitAsync(Token);
        return PathOf(name);
    }

    private void MakeHole(string name, long length)
    {
        using var file = File.Create(PathOf(name));
        file.SetLength(length);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);
}
