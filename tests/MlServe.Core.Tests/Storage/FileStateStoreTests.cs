using System.Text;
using MlServe.Storage;

namespace MlServe.Tests.Storage;

/// <summary>State in files: old or new and never anything else, whoever writes, tears or puts files there.</summary>
public sealed class FileStateStoreTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("mlserve-state-");
    private readonly FileStateStore _store;

    public FileStateStoreTests() => _store = Open();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Folder => Path.Combine(_root.FullName, "state");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public async Task WriteAsync_AnyValue_IsReadBackAlsoByAnotherStore()
    {
        Assert.Null(await _store.ReadAsync("a", Token));
        foreach (var value in (byte[][])[[1, 2, 3], [], [.. Enumerable.Range(0, FileStateStore.MaxValueBytes).Select(static i => (byte)i)]])
        {
            await _store.WriteAsync("a", value, Token);
            Assert.Equal(value, (await Open().ReadAsync("a", Token))!.Value.ToArray());
        }

        await _store.DeleteAsync("a", Token);
        await _store.DeleteAsync("a", Token);
        Assert.Null(await _store.ReadAsync("a", Token));
        Assert.Empty(Directory.GetFiles(Folder));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../a")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("/etc/passwd")]
    [InlineData("a\0b")]
    [InlineData("a b")]
    [InlineData("C:a")]
    [InlineData("ä")]
    [InlineData("a*")]
    [InlineData("~")]
    [InlineData("con")]
    [InlineData(".")]
    [InlineData(".hidden")]
    [InlineData("a.state")]
    [InlineData("x.tmp")]
    public async Task Key_WithTricks_IsRefusedOrStaysInTheFolder(string key)
    {
        var isRefused = key.Length == 0 || !key.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');
        if (isRefused)
        {
            await Assert.ThrowsAsync<ArgumentException>(async () => await _store.WriteAsync(key, new byte[1], Token));
            await Assert.ThrowsAsync<ArgumentException>(async () => await _store.ReadAsync(key, Token));
            await Assert.ThrowsAsync<ArgumentException>(async () => await _store.DeleteAsync(key, Token));
        }
        else
        {
            await _store.WriteAsync(key, new byte[] { 7 }, Token);
            Assert.Equal([7], (await _store.ReadAsync(key, Token))!.Value.ToArray());
            Assert.Single(Directory.GetFiles(Folder));
        }

        Assert.Equal(["key", "state"], _root.EnumerateFileSystemInfos().Select(static entry => entry.Name).Order());
    }

    [Fact]
    public async Task Key_OtherCase_IsAnotherKeyAlsoWhereFilesIgnoreCase()
    {
        await _store.WriteAsync("Digits", "upper"u8.ToArray(), Token);
        await _store.WriteAsync("digits", "lower"u8.ToArray(), Token);
        Assert.Equal("upper", await TextAsync("Digits"));
        Assert.Equal("lower", await TextAsync("digits"));
        Assert.Equal(2, Directory.GetFiles(Folder).Select(static file => file.ToLowerInvariant()).Distinct().Count());
        await Assert.ThrowsAsync<ArgumentException>(async () => await _store.ReadAsync(new('a', 129), Token));
        Assert.Null(await _store.ReadAsync(new('a', 128), Token));
    }

    [Fact]
    public async Task ReadAsync_FileIsTornForeignOrRenamed_IsRefusedAndCanBeWrittenAnew()
    {
        await _store.WriteAsync("a", "genuine"u8.ToArray(), Token);
        var file = Assert.Single(Directory.GetFiles(Folder));
        var genuine = await File.ReadAllBytesAsync(file, Token);
        await _store.WriteAsync("b", "other"u8.ToArray(), Token);
        var other = await File.ReadAllBytesAsync(Directory.GetFiles(Folder).Single(path => path != file), Token);
        var foreign = new FileStateStore(Path.Combine(_root.FullName, "foreign"), Path.Combine(_root.FullName, "foreign-key"));
        await foreign.WriteAsync("a", "forged"u8.ToArray(), Token);
        List<byte[]> bad = [.. Enumerable.Range(0, genuine.Length).Select(length => genuine[..length]), other, [.. genuine, 0],
            new byte[5000], Encoding.UTF8.GetBytes("{}")];
        for (var i = 0; i < genuine.Length; i++)
        {
            // The last bytes are the keyed seal, which a folder that only its owner may write does not need.
            if (i >= genuine.Length - 32) continue;
            var flipped = genuine.ToArray();
            flipped[i] ^= 1;
            bad.Add(flipped);
        }

        foreach (var bytes in bad)
        {
            await File.WriteAllBytesAsync(file, bytes, Token);
            var exception = await Assert.ThrowsAsync<IOException>(async () => await _store.ReadAsync("a", Token));
            Assert.Contains("'a'", exception.Message, StringComparison.Ordinal);
        }

        await _store.WriteAsync("a", "new"u8.ToArray(), Token);
        Assert.Equal("new", await TextAsync("a"));
    }

    [Fact]
    public async Task ReadAsync_SomethingElseThanAFile_IsRefused()
    {
        await _store.WriteAsync("a", "x"u8.ToArray(), Token);
        var file = Assert.Single(Directory.GetFiles(Folder));
        var elsewhere = Path.Combine(_root.FullName, "elsewhere");
        File.Move(file, elsewhere);
        File.CreateSymbolicLink(file, elsewhere);
        await Assert.ThrowsAsync<IOException>(async () => await _store.ReadAsync("a", Token));
        await _store.WriteAsync("a", "y"u8.ToArray(), Token);
        Assert.Equal("y", await TextAsync("a"));
        Assert.Contains((byte)'x', await File.ReadAllBytesAsync(elsewhere, Token));
    }

    [Fact]
    public async Task WriteAsync_ManyStoresOnOneFolder_ReadersSeeWholeValues()
    {
        // Each value says its own length, so that a mixture would show.
        static byte[] Value(int seed) => [.. Enumerable.Repeat((byte)seed, 1 + (seed * 997))];
        await _store.WriteAsync("shared", Value(1), Token);
        var writers = Enumerable.Range(1, 4).Select(seed => Task.Run(async () =>
        {
            var store = Open();
            for (var i = 0; i < 40; i++)
                await store.WriteAsync("shared", Value((seed * 7) + (i % 5)), Token);
        }, Token));
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var store = Open();
            for (var i = 0; i < 100; i++)
            {
                var value = (await store.ReadAsync("shared", Token))!.Value.ToArray();
                Assert.Equal(Value(value[0]), value);
            }
        }, Token));
        await Task.WhenAll(writers.Concat(readers));
        Assert.Single(Directory.GetFiles(Folder));
    }

    [Fact]
    public async Task WriteAsync_TooMuch_IsRefused()
    {
        var large = new byte[FileStateStore.MaxValueBytes + 1];
        Ask.Says((await Assert.ThrowsAsync<ArgumentException>(async () => await _store.WriteAsync("a", large, Token))).Message, "1048577",
            "1048576");
        for (var i = 0; i < FileStateStore.MaxKeys; i++)
            await File.WriteAllBytesAsync(Path.Combine(Folder, $"k{i}.state"), [], Token);
        Ask.Says((await Assert.ThrowsAsync<IOException>(async () => await _store.WriteAsync("one-more", new byte[1], Token))).Message,
            "1024 keys");
        File.Delete(Path.Combine(Folder, "k0.state"));
        await _store.WriteAsync("one-more", new byte[1], Token);
        await _store.WriteAsync("one-more", new byte[2], Token);
    }

    [Fact]
    public async Task Open_WriterEndedMidway_LeftoverIsClearedAndTheOldValueStays()
    {
        await _store.WriteAsync("a", "old"u8.ToArray(), Token);
        var leftover = Assert.Single(Directory.GetFiles(Folder)) + ".0123.tmp";
        var fresh = leftover.Replace("0123", "4567", StringComparison.Ordinal);
        await File.WriteAllBytesAsync(leftover, [1], Token);
        await File.WriteAllBytesAsync(fresh, [1], Token);
        File.SetLastWriteTimeUtc(leftover, DateTime.UnixEpoch);

        var store = Open();
        Assert.Equal((false, true), (File.Exists(leftover), File.Exists(fresh)));
        Assert.Equal("old", Encoding.UTF8.GetString((await store.ReadAsync("a", Token))!.Value.Span));
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await store.WriteAsync("a", "new"u8.ToArray(),
            cancelled.Token));
        Assert.Equal("old", await TextAsync("a"));
    }

    private FileStateStore Open() => new(Folder, Path.Combine(_root.FullName, "key"));

    private async Task<string> TextAsync(string key) => Encoding.UTF8.GetString((await _store.ReadAsync(key, Token))!.Value.Span);
}
