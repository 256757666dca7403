using System.Runtime.Versioning;

namespace MlServe.Onnx.Files;

/// <summary>
/// What lies in a folder is taken only where this process, or one that has its key, or its owner put it there as that very thing.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class SealedFolderTests : IDisposable
{
    private const string Context = "model a";

    private readonly string _root = Directory.CreateTempSubdirectory("mlserve-").FullName;

    private string Folder => Path.Combine(_root, "cache");

    private string Key => Path.Combine(_root, "keys", "seal.key");

    private string Entry => Path.Combine(Folder, "a");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void TryRead_WhatWasWritten_ComesBack()
    {
        Open().Write("a", Context, [1, 2, 3]);
        Assert.Equal([1, 2, 3], Read(Open(), out var problem));
        Assert.Null(problem);
        Assert.Null(Open().TryRead("b", Context, 1000, out problem));
        Assert.Null(problem);
        Assert.Single(Directory.GetFiles(Folder));
    }

    [Fact]
    public void TryRead_AnyByteChanged_IsRefused()
    {
        Open().Write("a", Context, [1, 2, 3]);
        var sound = File.ReadAllBytes(Entry);
        for (var i = 0; i < sound.Length; i++)
        {
            byte[] changed = [.. sound];
            changed[i] ^= 1;
            File.WriteAllBytes(Entry, changed);
            Assert.Null(Read(Open(), out var problem));
            Assert.NotNull(problem);
        }
    }

    [Fact]
    public void TryRead_CutShortOrLonger_IsRefused()
    {
        Open().Write("a", Context, [1, 2, 3]);
        var sound = File.ReadAllBytes(Entry);
        for (var length = 0; length < sound.Length; length++)
        {
            File.WriteAllBytes(Entry, sound[..length]);
            Assert.Null(Read(Open(), out _));
        }

        File.WriteAllBytes(Entry, [.. sound, 0]);
        Assert.Null(Read(Open(), out _));
    }

    [Fact]
    public void TryRead_EntryOfAnother_IsRefused()
    {
        var folder = Open();
        folder.Write("a", Context, [1, 2, 3]);
        folder.Write("b", "model b", [4, 5, 6]);
        File.Copy(Path.Combine(Folder, "b"), Entry, overwrite: true);
        Assert.Null(Read(Open(), out var problem));
        Ask.Says(problem!, "of another model");
    }

    [Fact]
    public void TryRead_SealOfAnotherKey_IsRefused()
    {
        new SealedFolder(Folder, Path.Combine(_root, "theirs", "seal.key")).Write("a", Context, [1, 2, 3]);
        Assert.Null(Read(Open(), out var problem));
        Ask.Says(problem!, "its seal was not made with", "others may have put it there");
    }

    [Fact]
    public void TryRead_EntryIsALink_IsRefused()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("What a path stands for is told on Linux alone.");
        Open().Write("a", Context, [1, 2, 3]);
        File.Move(Entry, Path.Combine(_root, "elsewhere"));
        File.CreateSymbolicLink(Entry, Path.Combine(_root, "elsewhere"));
        Assert.Null(Read(Open(), out var problem));
        Ask.Says(problem!, "is a link");
    }

    [Fact]
    public void Key_IsMadeForItsOwnerAlone_AndStays()
    {
        Open();
        var first = File.ReadAllBytes(Key);
        Open();
        Assert.Equal(first, File.ReadAllBytes(Key));
        Assert.Equal(SealKey.Size, first.Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Key));
    }

    [Fact]
    public void Key_MadeByManyAtOnce_IsOne()
    {
        Parallel.For(
            0, 16, new ParallelOptions { CancellationToken = TestContext.Current.CancellationToken },
            i => Open().Write($"{i}", Context, [(byte)i]));
        for (var i = 0; i < 16; i++)
        {
            var bytes = Open().TryRead($"{i}", Context, 1000, out var problem);
            Assert.True(bytes is not null, problem);
        }

        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(Key)!));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Key_OthersMayReadIt_IsNotUsed(UnixFileMode more)
    {
        Open();
        File.SetUnixFileMode(Key, File.GetUnixFileMode(Key) | more);
        Ask.Says(Assert.Throws<FileRefusedException>(Open).Message, Key, "others than its owner", "0600");
    }

    [Fact]
    public void Key_OthersMayReplaceIt_IsNotUsed()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("Whose a folder is is told on Linux alone.");
        Open();
        File.SetUnixFileMode(Path.GetDirectoryName(Key)!, (UnixFileMode)0b111_111_111);
        Ask.Says(Assert.Throws<FileRefusedException>(Open).Message, "another into its place");
    }

    [Fact]
    public void Key_TooShort_IsNotUsed()
    {
        Open();
        File.WriteAllBytes(Key, new byte[8]);
        Ask.Says(Assert.Throws<FileRefusedException>(Open).Message, "has 8 bytes", "Delete it");
    }

    [Fact]
    public void Trust_FolderOfTheOwnerAlone_NeedsNoKey()
    {
        // Under /tmp, where everybody may write, none is trusted; the folders of this test's own build are.
        var own = Path.Combine(AppContext.BaseDirectory, $"trust-{Guid.NewGuid():N}");
        Directory.CreateDirectory(own);
        try
        {
            if (FolderTrust.ProblemOf(own) is { } reason) Assert.Skip($"The folder of the tests is none of the owner's alone: {reason}.");
            new SealedFolder(own, Path.Combine(_root, "first", "k")).Write("a", Context, [1, 2, 3]);
            Assert.NotNull(new SealedFolder(own, Path.Combine(_root, "second", "k")).TryRead("a", Context, 1000, out _));

            File.SetUnixFileMode(own, File.GetUnixFileMode(own) | UnixFileMode.OtherWrite);
            Ask.Says(FolderTrust.ProblemOf(own)!, own, "may be written by others");
            Assert.Null(new SealedFolder(own, Path.Combine(_root, "second", "k")).TryRead("a", Context, 1000, out var problem));
            Ask.Says(problem!, "others may have put it there");

            File.SetUnixFileMode(own, File.GetUnixFileMode(own) & ~UnixFileMode.OtherWrite);
            File.SetUnixFileMode(Path.Combine(own, "a"), (UnixFileMode)0b110_110_110);
            Assert.Null(new SealedFolder(own, Path.Combine(_root, "second", "k")).TryRead("a", Context, 1000, out problem));
            Ask.Says(problem!, "may be written by others");
        }
        finally
        {
            Directory.Delete(own, recursive: true);
        }
    }

    [Fact]
    public void Trust_LinkOnTheWay_IsNone()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("Whose a folder is is told on Linux alone.");
        Directory.CreateDirectory(Path.Combine(_root, "real"));
        File.CreateSymbolicLink(Path.Combine(_root, "link"), Path.Combine(_root, "real"));
        Ask.Says(FolderTrust.ProblemOf(Path.Combine(_root, "link"))!, "is a symbolic link");
    }

    private SealedFolder Open() => new(Folder, Key);

    private static byte[]? Read(SealedFolder folder, out string? problem) =>
        folder.TryRead("a", Context, 1000, out problem) is { } file ? SealedFolder.ContentOf(file).ToArray() : null;
}
