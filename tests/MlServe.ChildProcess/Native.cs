using System.Runtime.InteropServices;

namespace MlServe.ChildProcess;

internal static class Native
{
    /// <summary>What native code sees, which need not be what .NET sees.</summary>
    public static nint GetEnvironmentVariable(string name) => OperatingSystem.IsWindows() ? GetEnvWindows(name) : GetEnv(name);

    [DllImport("libc", EntryPoint = "getenv")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint GetEnv([MarshalAs(UnmanagedType.LPUTF8Str)] string name);

    [DllImport("ucrtbase", EntryPoint = "getenv")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint GetEnvWindows([MarshalAs(UnmanagedType.LPUTF8Str)] string name);
}
