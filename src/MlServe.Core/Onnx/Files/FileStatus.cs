using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MlServe.Onnx.Files;

/// <summary>
/// The kind and the owner of a name in the file system: .NET tells neither a pipe from a file nor the owner. Linux alone is asked.
/// </summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Size">The bytes of a regular file.</param>
/// <param name="Owner">The user that it belongs to.</param>
/// <param name="Mode">Its permissions.</param>
/// <param name="Identity">A number that no other file on the machine has at the same time.</param>
internal readonly partial record struct FileStatus(
    FileKind Kind, long Size, uint Owner, UnixFileMode Mode, (ulong Device, ulong Number) Identity)
{
    // The layout of struct statx is the kernel's own, and the same on all processors (man 2 statx).
    private const int StructSize = 256;
    private const int OwnerAt = 20;
    private const int ModeAt = 28;
    private const int NumberAt = 32;
    private const int SizeAt = 40;
    private const int DeviceAt = 136;

    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const uint BasicFields = 0x7FF;

    private const int FormatMask = 0xF000;
    private const int PermissionMask = 0xFFF;

    /// <summary>Whether others than its owner may write it.</summary>
    public bool IsWritableByOthers => (Mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0;

    /// <summary>Whether others than its owner may do anything with it.</summary>
    public bool IsOpenToOthers => ((int)Mode & 0x3F) != 0;

    /// <summary>The user that this process acts as; null if that cannot be told.</summary>
    public static uint? CurrentUser => OperatingSystem.IsLinux() ? GetEffectiveUser() : null;

    /// <summary>Asks about a path.</summary>
    /// <returns>Null if there is nothing, or it cannot be told.</returns>
    public static FileStatus? Of(string path, bool followLinks = true) =>
        Ask(CurrentFolder, path, followLinks ? 0 : NoFollow);

    /// <summary>Asks about a file that has been opened.</summary>
    /// <returns>Null if it cannot be told.</returns>
    public static FileStatus? Of(SafeFileHandle handle)
    {
        var isHeld = false;
        try
        {
            handle.DangerousAddRef(ref isHeld);
            return Ask((int)handle.DangerousGetHandle(), "", EmptyPath);
        }
        finally
        {
            if (isHeld) handle.DangerousRelease();
        }
    }

    private static FileStatus? Ask(int folder, string path, int flags)
    {
        if (!OperatingSystem.IsLinux()) return null;
        Span<byte> status = stackalloc byte[StructSize];
        status.Clear();
        try
        {
            if (StatX(folder, path, flags, BasicFields, ref MemoryMarshal.GetReference(status)) != 0) return null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }

        var mode = MemoryMarshal.Read<ushort>(status[ModeAt..]);
        return new(
            KindOf(mode & FormatMask), MemoryMarshal.Read<long>(status[SizeAt..]), MemoryMarshal.Read<uint>(status[OwnerAt..]),
            (UnixFileMode)(mode & PermissionMask),
            (MemoryMarshal.Read<ulong>(status[DeviceAt..]), MemoryMarshal.Read<ulong>(status[NumberAt..])));
    }

    private static FileKind KindOf(int format) => format switch
    {
        0x8000 => FileKind.Regular,
        0x4000 => FileKind.Folder,
        0xA000 => FileKind.Link,
        0x1000 => FileKind.Pipe,
        0xC000 => FileKind.Socket,
        0x2000 or 0x6000 => FileKind.Device,
        _ => FileKind.Other,
    };

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int folder, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();
}
