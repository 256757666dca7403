using System.Runtime.InteropServices;

namespace MlServe.Onnx;

/// <summary>
/// The environment variables that native code sees. <see cref="Environment.SetEnvironmentVariable(string, string)"/> changes only .NET's
/// copy on Unix, and only the operating system's, not the C runtime's, on Windows.
/// </summary>
internal static partial class NativeEnvironment
{
    public static void Set(string name, string value)
    {
        Environment.SetEnvironmentVariable(name, value);
        _ = OperatingSystem.IsWindows() ? PutEnv(name, value) : SetEnv(name, value, overwrite: 1);
    }

    /// <summary>The value that native code reads; null if the variable is not set.</summary>
    public static string? Get(string name) =>
        Marshal.PtrToStringUTF8(OperatingSystem.IsWindows() ? GetEnvWindows(name) : GetEnv(name));

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetEnv(string name);

    [LibraryImport("ucrtbase", EntryPoint = "_putenv_s", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PutEnv(string name, string value);

    [LibraryImport("ucrtbase", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetEnvWindows(string name);
}
